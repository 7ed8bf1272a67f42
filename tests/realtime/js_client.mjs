// Plays one member with supabase-js: subscribes as asked, prints a line of JSON for each event.
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [modules, url, key, token, vsn] = process.argv.slice(2)
const require = createRequire(pathToFileURL(modules + '/index.js'))
const { createClient } = require('@supabase/supabase-js')
const realtime = { vsn }
if (typeof WebSocket === 'undefined') realtime.transport = require('ws')
let access = token
const client = createClient(url, key, { realtime, accessToken: async () => access })
const say = (kind, value) => console.log(JSON.stringify({ kind, value }))
const plain = (value) =>
  value instanceof ArrayBuffer ? { bytes: Array.from(new Uint8Array(value)) } : value
const channels = {}

const commands = {
  async auth({ token }) {
    access = token
    await client.realtime.setAuth()
    say('auth', true)
  },
  async join({ topic, config, changes, presence }) {
    const channel = (channels[topic] = client.channel(topic, { config: config ?? {} }))
    channel.on('broadcast', { event: '*' }, (m) =>
      say('broadcast', { ...m, payload: plain(m.payload) }))
    channel.on('system', {}, (m) => say('system', m))
    for (const filter of changes ?? [])
      channel.on('postgres_changes', filter, (m) => say('change', { filter, ...m }))
    if (presence) channel.on('presence', { event: 'sync' }, () => say('sync', channel.presenceState()))
    channel.subscribe((status, error) => say('status', { status, error: error?.message }))
  },
  async send({ topic, event, payload, bytes }) {
    const body = bytes ? new Uint8Array(bytes).buffer : payload
    say('sent', await channels[topic].send({ type: 'broadcast', event, payload: body }))
  },
  async track({ topic, meta }) {
    say('tracked', await channels[topic].track(meta))
  },
  async leave({ topic }) {
    say('left', await channels[topic].unsubscribe())
  },
  async quit() {
    process.exit(0)
  },
}
for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line)
  await commands[command](rest)
}
process.exit(0)
