import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as BubblewrapSandbox from "axonal/sandbox/BubblewrapSandbox"
import * as LocalSandbox from "axonal/sandbox/LocalSandbox"
import * as Sandbox from "axonal/sandbox/Sandbox"
import { Effect, Either, Layer, Schema } from "effect"
import { works } from "../support/bubblewrap.ts"
import * as ProcessTable from "../support/processTable.ts"

const Attack = Schema.Struct({
  attempt: Schema.String,
  command: Schema.Union(Schema.String, Schema.NonEmptyArray(Schema.String)),
  only: Schema.optional(Schema.String),
  folder: Schema.optional(Schema.String),
  environment: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.String })),
  input: Schema.optional(Schema.Literal("open")),
  limits: Schema.optional(
    Schema.Struct({
      time: Schema.optional(Schema.Number),
      memoryBytes: Schema.optional(Schema.Number),
      outputBytes: Schema.optional(Schema.Number),
      processes: Schema.optional(Schema.Number),
      fileBytes: Schema.optional(Schema.Number)
    })
  ),
  grace: Schema.optional(Schema.Number),
  outcome: Schema.String,
  stdout: Schema.optional(Schema.String),
  stderr: Schema.optional(Schema.String),
  cut: Schema.optional(Schema.Boolean)
})
type Attack = typeof Attack.Type

const file = new URL("../fixtures/sandbox/attacks-exec.json", import.meta.url)
const attacks = Schema.decodeUnknownSync(Schema.parseJson(Schema.Array(Attack)))(readFileSync(file, "utf8"))

const outside = mkdtempSync(join(tmpdir(), "axonal-exec-"))
const folder = join(outside, "box")
const socket = `axonal-${process.pid}`
const [service, named] = [createServer(), createServer()]
let port = 0

beforeAll(async () => {
  mkdirSync(folder)
  writeFileSync(join(outside, "secret"), "secret")
  writeFileSync(join(folder, "plain"), "echo plain")
  symlinkSync("/etc", join(folder, "out"))
  process.env.AXONAL_TEST_SECRET = "secret"
  await new Promise<void>((resolve) => named.listen(`\0${socket}`, resolve))
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve))
  const address = service.address()
  port = address !== null && typeof address === "object" ? address.port : 0
})

afterAll(() => {
  service.close()
  named.close()
  delete process.env.AXONAL_TEST_SECRET
  rmSync(outside, { recursive: true, force: true })
})

const filled = (text: string, word: string): string =>
  text
    .replaceAll("WORD", word)
    .replaceAll("LONG", "x".repeat(4_000_000))
    .replaceAll("PORT", String(port))
    .replaceAll("SOCKET", socket)
    .replaceAll("OUTSIDE", outside)
    .replaceAll("HOSTPID", String(process.pid))

const commandOf = ({ command }: Attack, word: string): Sandbox.Command => {
  if (typeof command === "string") return filled(command, word)
  const [program, ...rest] = command
  return [program, ...rest.map((argument) => filled(argument, word))]
}

/** What came of an attack, as far as its record says something about it, and who is left when its scope has closed. */
const outcomeOf = (attack: Attack) =>
  Effect.gen(function* () {
    const word = ProcessTable.word()
    const { environment, folder, grace = 5000, input, limits } = attack
    const ran = yield* Effect.either(
      Sandbox.run(commandOf(attack, word), { environment, folder, grace, input, limits })
    )
    const left = (yield* ProcessTable.running(word)).length
    const { attempt } = attack
    if (Either.isLeft(ran)) return { attempt, outcome: `error ${ran.left.reason._tag}`, left }
    const { exit, stderr, stdout } = ran.right
    return {
      attempt,
      outcome: `${exit.reason} ${exit.signal ?? exit.code}`,
      ...(attack.stdout === undefined ? {} : { stdout }),
      ...(attack.stderr === undefined ? {} : { stderr }),
      ...(attack.cut === undefined ? {} : { cut: exit.cutBytes > 1000 }),
      left
    }
  })

const expected = ({ attempt, cut, outcome, stderr, stdout }: Attack) => ({
  attempt,
  outcome,
  ...(stdout === undefined ? {} : { stdout }),
  ...(stderr === undefined ? {} : { stderr }),
  ...(cut === undefined ? {} : { cut }),
  left: 0
})

const held = (sandbox: string, layer: Layer.Layer<Sandbox.Sandbox, unknown>) =>
  Effect.gen(function* () {
    const those = attacks.filter(({ only = sandbox }) => only === sandbox)
    const outcomes = yield* Effect.forEach(those, outcomeOf, { concurrency: 6 })
    assert.deepStrictEqual(outcomes, those.map(expected))
  }).pipe(Effect.provide(layer))

describe("attacks by commands", () => {
  it.live("AG-17: nothing gets away from the host's sandbox", () =>
    held(
      "local",
      Layer.suspend(() => LocalSandbox.layer({ folder }))
    )
  )

  it.live.skipIf(!works)("nothing gets out of namespaces", () =>
    held(
      "bubblewrap",
      Layer.suspend(() => BubblewrapSandbox.layer({ folder }))
    )
  )
})
