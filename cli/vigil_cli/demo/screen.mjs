// One member's screen, by supabase-js alone: what Realtime brings is shown, what it takes back is dropped.
// Prints a line of JSON whenever the screen changes; says nothing else on stdout.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [modules] = process.argv.slice(2)
const { SCREEN_URL: url, SCREEN_KEY: key, SCREEN_EMAIL: email, SCREEN_PASSWORD: password } = process.env
const require = createRequire(pathToFileURL(modules + '/index.js'))
const { createClient } = require('@supabase/supabase-js')
const options = typeof WebSocket === 'undefined' ? { realtime: { transport: require('ws') } } : {}
const client = createClient(url, key, options)

const shown = new Map()
const gone = new Set()
const say = (event, more = {}) =>
  console.log(JSON.stringify({
    event, at: Date.now(), ...more,
    screen: [...shown.values()].sort((a, b) => (a.created_at < b.created_at ? -1 : 1)),
  }))

const upsert = ({ new: row }) => {
  if (row.moderation_status !== 'approved' || row.deleted_at || gone.has(row.id)) return
  shown.set(row.id, { id: row.id, sender_id: row.sender_id, content: row.content, created_at: row.created_at })
  say('shown', { id: row.id })
}
const drop = (id, how) => {
  gone.add(id)
  const seen = shown.delete(id)
  say('dropped', { id, how, seen })
}

const { data, error } = await client.auth.signInWithPassword({ email, password })
if (error) throw error
await client.realtime.setAuth(data.session.access_token)
let waiting = 2
const ready = (status) => status === 'SUBSCRIBED' && --waiting === 0 && say('live')
client.channel('screen')
  .on('postgres_changes', { event: 'INSERT', schema: 'public', table: 'messages' }, upsert)
  .on('postgres_changes', { event: 'UPDATE', schema: 'public', table: 'messages' }, upsert)
  .on('postgres_changes', { event: 'INSERT', schema: 'public', table: 'message_tombstones' },
    ({ new: row }) => drop(row.message_id, 'tombstone'))
  .on('system', {}, (m) => m.extension === 'postgres_changes' && ready('SUBSCRIBED'))
  .subscribe((status, problem) => problem && console.error(status, problem.message))
client.channel('user:' + data.user.id, { config: { private: true } })
  .on('broadcast', { event: '*' }, ({ event, payload }) => {
    if (['message_hidden', 'message_removed', 'message_deleted'].includes(event)) drop(payload.message_id, event)
  })
  .subscribe((status, problem) => (problem ? console.error(status, problem.message) : ready(status)))
process.stdin.resume().on('end', () => process.exit(0))
