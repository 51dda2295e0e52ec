import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Asking from "axonal/cli/screen/asking"
import * as Attachments from "axonal/cli/screen/attachments"
import * as Completion from "axonal/cli/screen/completion"
import type { Ask } from "axonal/cli/screen/state"
import * as Terminal from "axonal/cli/screen/terminal"
import { CallId, RunId, SessionId } from "axonal/domain/Ids"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

const signal = new AbortController().signal

const complete = async (line: string) => {
  const files = ["README.md", "src/a file.ts", "src/other.ts"]
  const completions = async (begun: string) =>
    ["/model ", "/mcp"].filter((value) => value.startsWith(begun)).map((value) => ({ value, label: value.trim() }))
  const provider = Completion.make(() => ({ completions, files: async () => files }))
  const found = await provider.getSuggestions([line], 0, line.length, { signal })
  const [item] = found?.items ?? []
  if (found === null || item === undefined) return undefined
  return provider.applyCompletion([line], 0, line.length, item, found.prefix).lines[0]
}

describe("arrows", () => {
  it("that come alone are keys, and so are those that follow while one is held", () => {
    const turns = Terminal.wheel()
    const [up, down] = ["\u001b[A", "\u001bOB"]
    const times: ReadonlyArray<readonly [string, number]> = [
      [up, 0],
      [up.repeat(2), 500],
      [up.repeat(5), 1100],
      [up.repeat(3), 5000],
      [down.repeat(3), 5001],
      [up.repeat(2), 9000],
      [up + down + up, 20_000],
      ["a", 30_000]
    ]
    assert.deepStrictEqual(
      times.map(([text, at]) => turns(text, at)),
      [0, 0, 0, -3, 3, 0, 0, 0]
    )
  })
})

describe("completions", () => {
  it("are commands at the beginning and files behind an @", async () => {
    assert.strictEqual(await complete("/mo"), "/model ")
    assert.strictEqual(await complete("/zzz"), undefined)
    assert.strictEqual(await complete("look at @read"), "look at @README.md ")
    assert.strictEqual(await complete('look at @"a fi'), 'look at @"src/a file.ts" ')
    assert.strictEqual(await complete("me@read"), undefined)
    assert.strictEqual(await complete("read"), undefined)
  })

  it("keep what stands behind the cursor", () => {
    const provider = Completion.make(() => undefined)
    const item = { value: "@a.ts ", label: "a.ts" }
    assert.deepStrictEqual(provider.applyCompletion(["see @a now"], 0, 6, item, "@a"), {
      lines: ["see @a.ts now"],
      cursorLine: 0,
      cursorCol: 10
    })
  })
})

describe("what is pasted", () => {
  it("is paths as terminals write them", () => {
    const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
      ["/tmp/a shot.png", ["/tmp/a shot.png"]],
      ["/tmp/a\\ shot.png ", ["/tmp/a shot.png"]],
      ["'/tmp/a shot.png' '/tmp/b.pdf'", ["/tmp/a shot.png", "/tmp/b.pdf"]],
      ["/tmp/a.png /tmp/b.png", ["/tmp/a.png", "/tmp/b.png"]],
      ["file:///tmp/a%20shot.png", ["/tmp/a shot.png"]],
      ["two\nlines", []]
    ]
    for (const [pasted, paths] of cases) assert.deepStrictEqual(Attachments.pathsOf(pasted), paths, pasted)
  })

  it("is named by a word for each file that can be sent", () => {
    const folder = mkdtempSync(join(tmpdir(), "axonal-screen-"))
    try {
      for (const name of ["a.png", "a.txt"]) writeFileSync(join(folder, name), "x")
      const { attach } = Attachments.make({ folder, resolve: () => Effect.die("not sent") })
      assert.strictEqual(attach(join(folder, "a.png")), "[image a.png]")
      assert.strictEqual(attach("a.png"), "[image a.png]")
      assert.strictEqual(attach(join(folder, "a.txt")), undefined)
      assert.strictEqual(attach("none.png"), undefined)
      assert.strictEqual(attach("words about a.png"), undefined)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

const from = { run: RunId.make("r"), session: SessionId.make("s") }

describe("a person at the screen", () => {
  const asking = () => {
    const asks: Array<Ask> = []
    const withdrawn: Array<number> = []
    const face = { ask: (ask: Ask) => void asks.push(ask), withdraw: (id: number) => void withdrawn.push(id) }
    return { asks, withdrawn, ...Asking.make(face, () => Effect.succeed([])) }
  }
  const call = {
    ...{ ...from, id: CallId.make("c"), input: {}, agent: "a", turn: 1, identity: {} },
    tool: { name: "t", origin: "application" as const }
  }

  it.effect("answers the call that was asked about", () =>
    Effect.gen(function* () {
      const { asks, decided, person, withdrawn } = asking()
      const both = yield* Effect.fork(
        Effect.all([person.approval.ask({ call, reason: "one" }), person.approval.ask({ call, reason: "two" })], {
          concurrency: 2
        })
      )
      yield* Effect.repeat(Effect.yieldNow(), { until: () => asks.length === 2 })
      decided(asks[1]?.id ?? 0, { approved: true })
      decided(asks[0]?.id ?? 0, { approved: false })
      decided(asks[0]?.id ?? 0, { approved: true })
      assert.deepStrictEqual(yield* Fiber.join(both), [{ approved: false }, { approved: true }])
      assert.deepStrictEqual(withdrawn, [])
    })
  )

  it.effect("is no longer asked when the run is interrupted", () =>
    Effect.gen(function* () {
      const { answered, asks, person, withdrawn } = asking()
      const question = {
        ...{ id: CallId.make("q"), question: "?", options: [], multiple: false, allowOther: true },
        from: { ...from, agent: "a", identity: {} }
      }
      const first = yield* Effect.fork(person.respond(question))
      const second = yield* Effect.fork(person.respond(question))
      yield* Effect.repeat(Effect.yieldNow(), { until: () => asks.length === 2 })
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(withdrawn, [asks[0]?.id])
      answered(asks[1]?.id ?? 0, undefined)
      assert.isTrue(Option.isNone(yield* Fiber.join(second)))
    })
  )
})
