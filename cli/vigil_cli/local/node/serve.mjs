// REST and Auth of the local stack: @supabase/lite over our own Postgres, on 127.0.0.1.
//
// Usage: node serve.mjs CONFIG.json   (the file holds connection URLs, keys and the port)
//
// The package is embedded rather than started by its own command because its Postgres driver, left
// alone, grants every table of every schema that has row level security to the API roles at the
// first request. Here it may connect only as the roles a hosted project uses:
//   authenticator        runs each REST request, and changes to the role of the request
//   supabase_auth_admin  runs Auth, and owns schema auth
//   supabase_admin       reads the catalogue, and nothing else
import { AsyncLocalStorage } from "node:async_hooks";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createAdaptorServer } from "@hono/node-server";
import { App, getAuthSchemaSql } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import { sql } from "kysely";

const config = JSON.parse(readFileSync(process.argv[2], "utf8"));
const EXPOSED = config.schemas;

// Times as PostgREST and GoTrue write them; the official Python client refuses Postgres' own form.
const iso = (oid) => ({
  to: oid,
  from: [oid],
  serialize: (value) => (value instanceof Date ? value.toISOString() : value),
  parse: (text) => text.replace(/^(\d{4,}-\d\d-\d\d) /, "$1T").replace(/([+-]\d\d)$/, "$1:00"),
});
// An argument of type json arrives as text already; written out again it would be a JSON string.
const json = (oid) => ({
  to: oid,
  from: [oid],
  serialize: (value) => (typeof value === "string" ? value : JSON.stringify(value)),
  parse: JSON.parse,
});
const connect = (url, max) =>
  createPostgresConnection({
    url,
    postgresOptions: {
      max,
      onnotice: () => {},
      connect_timeout: 10,
      types: { timestamp: iso(1114), timestamptz: iso(1184), json: json(114), jsonb: json(3802) },
    },
  });
const auth = connect(config.authUrl, 5);
const rest = connect(config.restUrl, 10);
const catalog = connect(config.catalogUrl, 1);

// -- What a request may do, set for its transaction as PostgREST does -------------------------

const timeouts = Object.fromEntries(
  (
    await catalog.driver`
      select r.rolname, split_part(s.setting, '=', 2) as timeout
      from pg_catalog.pg_roles r, unnest(r.rolconfig) as s(setting)
      where s.setting like 'statement_timeout=%'`
  ).map((row) => [row.rolname, row.timeout]),
);

rest.rlsState = "active"; // else the driver would create roles and hand out grants
rest.applyJwtSessionContext = async (transaction, vars) => {
  const role = vars.auth?.role || "anon";
  const claims = vars.auth?.jwt ?? { role };
  await sql`
    select set_config('role', ${role}, true),
           set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
           set_config('request.headers', ${JSON.stringify(vars.headers ?? {})}, true),
           set_config('search_path', 'public, extensions', true),
           set_config('statement_timeout', ${timeouts[role] ?? timeouts.authenticator ?? "8s"}, true)
  `.execute(transaction);
};
auth.rlsState = "active";
const current = new AsyncLocalStorage(); // the request being answered
auth.withContext = async (vars, run, options) => {
  if (!vars) return run(auth.kysely);
  const request = current.getStore();
  try {
    return await rest.withContext({ ...vars, headers: request?.headers }, run, options);
  } catch (error) {
    if (request && error?.severity) {
      request.refusal = error;
      request.role = vars.auth?.role || "anon";
    }
    throw error;
  }
};

// -- The schema as REST knows it, until the database says that it changed ----------------------

let known;
const shown = (row) =>
  (row.schema === undefined || EXPOSED.includes(row.schema)) &&
  (row.ref_schema === undefined || row.ref_schema === null || EXPOSED.includes(row.ref_schema));
const introspect = async (options) => {
  if (!known || options?.useCache !== true) {
    const reading = catalog.introspect({ useCache: false }).then((all) =>
      Object.fromEntries(
        Object.entries(all).map(([key, rows]) =>
          [key, Array.isArray(rows) ? rows.filter((row) => typeof row !== "object" || shown(row)) : rows]),
      ),
    );
    known = reading;
    reading.catch(() => known === reading && (known = undefined));
  }
  return known;
};
for (const connection of [auth, rest]) {
  connection.introspect = introspect;
  connection.clearSchemaCache = async () => {
    known = undefined;
  };
}
await catalog.driver.listen("pgrst", () => {
  known = undefined;
});

// -- Keys: the opaque ones, and the signed ones of older projects --------------------------------

const keys = new Map([
  [config.publishableKey, { type: "publishable", claims: { role: "anon" } }],
  [config.anonKey, { type: "publishable", claims: { role: "anon" } }],
  [config.secretKey, { type: "secret", claims: { role: "service_role" } }],
  [config.serviceRoleKey, { type: "secret", claims: { role: "service_role" } }],
]);

const app = new App({
  connection: auth,
  api: { enabled: true, schemas: EXPOSED, max_rows: 1000 },
  auth: {
    enabled: true,
    enable_signup: true,
    jwt_secret: config.jwtSecret,
    jwt_expiry: 3600,
    publishable_key: config.publishableKey,
    secret_key: config.secretKey,
    site_url: config.siteUrl,
    minimum_password_length: 6,
    enable_anonymous_sign_ins: true,
    email: { enable_signup: true, enable_confirmations: false },
  },
  db: { migrations: { enabled: false } },
  options: {
    server: {
      admin: false,
      disableStudio: true,
      apiKeys: { resolver: async (key) => keys.get(key) ?? null },
    },
  },
});

await auth.driver.unsafe(getAuthSchemaSql());
await introspect();

// -- Refusals as PostgREST words them ----------------------------------------------------------
// The package knows the common SQLSTATEs; a code of one's own would come out as an error 500.

const EXACT = { 23503: 409, 23505: 409, 25006: 405, "42883": 404, "42P01": 404, "42P17": 500, P0001: 400 };
const CLASSES = { "08": 503, "0L": 403, "0P": 403, 28: 403, 53: 503 };
const OUR_FAULT = ["09", "25", "2D", "38", "39", "3B", "40", "54", "55", "57", "58", "F0", "HV", "P0", "XX"];

const statusOf = (code, role) => {
  if (code === "42501") return role === "anon" ? 401 : 403;
  if (/^PT[1-5]\d\d$/.test(code)) return Number(code.slice(2));
  const family = code.slice(0, 2);
  return EXACT[code] ?? CLASSES[family] ?? (OUR_FAULT.includes(family) ? 500 : 400);
};
const answer = (status, body, headers) => {
  const kept = new Headers(headers);
  kept.delete("content-length");
  kept.set("content-type", "application/json; charset=utf-8");
  return new Response(JSON.stringify(body), { status, headers: kept });
};
const refuse = (error, role, headers) =>
  answer(
    statusOf(error.code, role),
    { code: error.code, details: error.detail ?? null, hint: error.hint ?? null, message: error.message },
    headers,
  );

// -- Access tokens with all the claims that GoTrue puts in them -----------------------------------

const encode = (value) => Buffer.from(value).toString("base64url");
const complete = (token, user) => {
  const [head, body] = token.split(".");
  const now = JSON.parse(Buffer.from(body, "base64url"));
  const method = now.is_anonymous || user.is_anonymous ? "anonymous" : "password";
  const claims = {
    iss: `${config.publicUrl}/auth/v1`,
    phone: user.phone ?? "",
    app_metadata: user.app_metadata ?? {},
    user_metadata: user.user_metadata ?? {},
    is_anonymous: user.is_anonymous ?? false,
    aal: "aal1",
    amr: [{ method, timestamp: now.iat }],
    ...now,
  };
  const signed = `${head}.${encode(JSON.stringify(claims))}`;
  return `${signed}.${createHmac("sha256", config.jwtSecret).update(signed).digest("base64url")}`;
};
const handleAuth = async (request) => {
  const response = await app.fetch(request, { peerAddress: null });
  const json = response.headers.get("content-type")?.startsWith("application/json");
  if (!json || request.method !== "POST" || !response.ok) return response;
  const body = await response.json();
  if (body?.access_token && body.user) body.access_token = complete(body.access_token, body.user);
  return answer(response.status, body, response.headers);
};

// A token that is none: left to the package it would pass for no token at all, and act as anon.
const badToken = (header) => {
  const token = /^bearer(?:\s+(.*))?$/i.exec(header ?? "")?.[1]?.trim();
  if (!/^bearer(\s|$)/i.test(header ?? "") || keys.has(token)) return undefined;
  if (!token) return "Empty JWT is sent in Authorization header";
  const parts = token.split(".").length;
  if (parts !== 3) return `Expected 3 parts in JWT; got ${parts}`;
  return /\s/.test(token) ? "JWT cryptographic operation failed" : undefined;
};

const handle = async (request) => {
  const { pathname: path, searchParams } = new URL(request.url);
  if (path.startsWith("/auth/v1")) return handleAuth(request);
  // A gateway looks at the key before anything else is looked at; the package words its refusal.
  const known = keys.has(request.headers.get("apikey") ?? searchParams.get("apikey"));
  if (!path.startsWith("/rest/v1") || !known) return app.fetch(request, { peerAddress: null });
  const message = badToken(request.headers.get("authorization"));
  if (message) {
    const body = { code: "PGRST301", details: null, hint: null, message };
    return answer(401, body, { "access-control-allow-origin": "*", "www-authenticate": "Bearer" });
  }
  const state = { headers: Object.fromEntries(request.headers) };
  const response = await current.run(state, () => app.fetch(request, { peerAddress: null }));
  const refused = state.refusal && state.refusal.code !== "PGRST" && response.status >= 400;
  return refused ? refuse(state.refusal, state.role, response.headers) : response;
};

const server = createAdaptorServer({ fetch: handle });
// The socket is opened by whoever starts us, so that no other program can take the port between.
server.listen({ fd: config.fd }, () =>
  console.log("serving"),
);
const stop = () => {
  server.close();
  Promise.all([auth, rest, catalog].map((one) => one.close())).finally(() => process.exit(0));
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
