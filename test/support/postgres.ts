/**
 * A real PostgreSQL server for tests: its binaries are looked for, its data lives in a temporary folder, and it ends
 * with the process that started it, however that one ends. Without binaries there is a reason instead of a server.
 */
import { execFileSync, spawn } from "node:child_process"
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { createInterface } from "node:readline"
import * as PgClient from "@effect/sql-pg/PgClient"
import { afterAll, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { Options } from "../../src/context/PostgresContextStore.ts"
import { layerPostgres } from "../../src/context/PostgresContextStore.ts"

/** A running server. Its user and password are those of `url`. */
export interface Server {
  readonly port: number
  readonly folder: string
  /** The URL of a database, through TCP. */
  readonly url: (database: string) => string
  /** The URL of a database, through the socket, which asks for no password. */
  readonly socketUrl: (database: string) => string
  /** Ends the server, all connections with it, and starts it again. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

export const user = "axonal"
/** Every character that means something in a URL, and some that mean something in messages. */
export const password = "s3cret /?#[]@:%'\""

/** The folder of the server's binaries: of the PATH, or where Debian's packages put them. */
const binaries = (): string | undefined => {
  const debian = "/usr/lib/postgresql"
  const versions = existsSync(debian) ? readdirSync(debian).sort((left, right) => Number(right) - Number(left)) : []
  return [...(process.env["PATH"] ?? "").split(delimiter), ...versions.map((version) => join(debian, version, "bin"))]
    .filter((folder) => folder !== "")
    .find((folder) => ["initdb", "pg_ctl", "postgres"].every((name) => existsSync(join(folder, name))))
}

/** Why there can be no server here, or nothing. */
export const missing: string | undefined =
  binaries() === undefined
    ? "no PostgreSQL server is installed; get it with: apt-get install postgresql (or put initdb and pg_ctl on the PATH)"
    : undefined

/** The server refuses to run as root. */
const unprivileged = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ["postgres", "nobody"]) {
    try {
      const [uid, gid] = ["-u", "-g"].map((option) => Number(execFileSync("id", [option, name], { stdio: "pipe" })))
      if (uid !== undefined && gid !== undefined) return { uid, gid }
    } catch {}
  }
  throw new Error("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}

/** Reads commands until its input closes, and that happens whenever the process of the tests ends. */
const script = `
trap '' INT TERM HUP
say() { echo "$1"; }
"$1/initdb" -D data -U ${user} --pwfile=password --auth-local=trust --auth-host=scram-sha-256 \\
  --encoding=UTF8 --locale=C --no-sync >log 2>&1 || { say failed; cat log >&2; exit 1; }
cat >>data/postgresql.conf <<END
listen_addresses = '127.0.0.1'
port = $2
unix_socket_directories = '$PWD'
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 60
END
control() { "$1/pg_ctl" -D data -w -t 15 -l log -m fast "$2" >>log 2>&1 </dev/null; }
if control "$1" start; then say ready; else say failed; cat log >&2; fi
while read -r command; do
  if control "$1" "$command"; then say ready; else say failed; cat log >&2; fi
done
"$1/pg_ctl" -D data -m immediate stop >>log 2>&1
cd / && rm -rf "$3"
`

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** Starts a server with an empty database `postgres`. */
export const start = async (): Promise<Server> => {
  const bin = binaries()
  if (bin === undefined) throw new Error(missing)
  const folder = mkdtempSync(join(tmpdir(), "axonal-postgres-"))
  const port = await freePort()
  const identity = unprivileged()
  writeFileSync(join(folder, "password"), password)
  if (identity !== undefined) {
    for (const path of [folder, join(folder, "password")]) chownSync(path, identity.uid, identity.gid)
  }
  const child = spawn("sh", ["-c", script, "sh", bin, `${port}`, folder], { cwd: folder, detached: true, ...identity })
  let complaints = ""
  child.stderr.on("data", (data) => (complaints += data))
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()))
  const stop = async (): Promise<void> => {
    child.stdin.end()
    await closed
    rmSync(folder, { recursive: true, force: true })
  }
  const ready = async (): Promise<void> => {
    const answer = await answers.next()
    if (answer.value === "ready") return
    const log = join(folder, "log")
    const told = complaints || (existsSync(log) ? readFileSync(log, "utf8") : "it said nothing")
    await stop()
    throw new Error(`PostgreSQL does not start: ${told}`)
  }
  await ready()
  return {
    port,
    folder,
    url: (database) => `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`,
    socketUrl: (database) => `postgresql://${user}@/${database}?host=${encodeURIComponent(folder)}&port=${port}`,
    restart: async () => {
      child.stdin.write("restart\n")
      await ready()
    },
    stop
  }
}

/** A store of its own on a database, for as long as the scope. */
export const open = (url: string, options?: Partial<Options>) =>
  Effect.map(Layer.build(layerPostgres({ ...options, url: Redacted.make(url) })), (context) =>
    Context.get(context, ContextStore.ContextStore)
  )

/** A connection beside the stores. */
export const beside = (url: string) =>
  Effect.map(Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 2 })), (context) =>
    Context.get(context, PgClient.PgClient)
  ).pipe(Effect.orDie)

/** Declares tests on a server of their own, or that they are skipped, and why. `newDatabase` answers its URL. */
export const suite = async (
  name: string,
  tests: (server: Server, newDatabase: Effect.Effect<string>) => void
): Promise<void> => {
  if (missing !== undefined) {
    console.warn(`${name} is not tested with a server: ${missing}`)
    describe.skip(name, () => it("needs a PostgreSQL server", () => {}))
    return
  }
  const server = await start()
  afterAll(server.stop)
  let databases = 0
  const newDatabase = Effect.gen(function* () {
    const database = `test_${databases++}`
    const sql = yield* beside(server.url("postgres"))
    yield* Effect.orDie(sql.unsafe(`CREATE DATABASE ${database}`))
    return server.url(database)
  }).pipe(Effect.scoped)
  tests(server, newDatabase)
}
