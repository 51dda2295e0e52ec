import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import type { Request } from "../../src/domain/Request.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Skills from "../../src/skill/Skills.ts"
import * as SkillTools from "../../src/skill/SkillTools.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import { sentResults } from "../support/runs.ts"
import type { World } from "./folders.ts"
import { test, world } from "./folders.ts"

const at = "project/.agents/skills"

const agent = Agent.make("tea-house", { instructions: "You serve tea." }).pipe(
  Agent.withToolkit(SkillTools.toolkit),
  Agent.addInstructions(Skills.instructions)
)

const session = SessionId.make("table-1")
const run = Agent.run(agent, "Tea, please", { session })
const done = [text("Here you are.")]

/** The agent's world over real skills, and a scripted model. */
const over = (there: World, script: ScriptedTransport.Script, options?: Skills.Options) =>
  Layer.mergeAll(
    ScriptedTransport.layer(script),
    ContextStore.layerMemory,
    Skills.layer({ ...there.options, ...options })
  )

const systemOf = (request: Request | undefined): ReadonlyArray<string> =>
  (request?.messages ?? []).filter(({ role }) => role === "system").map(Message.toText)

const toolsOf = (request: Request | undefined): ReadonlyArray<string> => (request?.tools ?? []).map(({ name }) => name)

const brewing = Effect.gen(function* () {
  const there = yield* world
  yield* there.skill(at, "brew", "How to brew <tea> & co.\n  Use it for tea.", "Look into references/times.md.")
  return there
})

const scripted = Effect.tap(brewing, (there) => there.write(`${at}/brew/scripts/timer.py`, "print(2)"))

const listing =
  "You serve tea.\n\nSkills are instructions for certain tasks, written by people who know them. When a task is one that a" +
  " skill is for, call activate_skill with its name before you begin, and do as it says; files that it speaks of are read" +
  " with read_skill_file. Do so again when its instructions are no longer in this conversation. These are the skills:\n" +
  "<skills>\n"

describe("SkillTools", () => {
  test(
    "AM-38 the catalog is told once, and a skill activated",
    Effect.gen(function* () {
      const there = yield* brewing
      yield* there.write(
        `${at}/brew/SKILL.md`,
        '---\nname: brew\ndescription: "Brew <tea> & co."\ncompatibility: Needs a kettle\nallowed-tools: boil\n---\nSteep it.'
      )
      yield* there.write(`${at}/brew/references/times.md`, "Green: 2 minutes")
      yield* there.write(`${at}/brew/scripts/timer.py`, "print(2)")
      yield* Effect.gen(function* () {
        yield* run
        const [first, second, third] = yield* ScriptedTransport.requests
        const catalog = `${listing}<skill name="brew">Brew &lt;tea&gt; &amp; co.</skill>\n</skills>`
        for (const request of [first, second, third]) assert.deepStrictEqual(systemOf(request), [catalog])
        assert.deepStrictEqual(toolsOf(first), ["activate_skill", "read_skill_file", "brew__timer"])
        assert.deepStrictEqual(first?.tools[0]?.inputSchema, {
          type: "object",
          required: ["name"],
          properties: { name: { type: "string", enum: ["brew"], description: "The name of the skill" } },
          additionalProperties: false
        })
        assert.deepStrictEqual(sentResults(second), [
          [
            'ok: <skill name="brew">',
            "Steep it.",
            "</skill>",
            "Its files, for read_skill_file: references/times.md, scripts/timer.py",
            "Its scripts are tools: brew__timer (scripts/timer.py)",
            "It is made for these tools: boil",
            "What it needs: Needs a kettle"
          ].join("\n"),
          'failed: There is no skill "pour". There are: brew.'
        ])
        assert.deepStrictEqual(sentResults(third), [
          "ok: Green: 2 minutes",
          'failed: The file "../x" of the skill brew: paths of a skill have no .. in them.',
          'failed: The file "scripts/timer.py" of the skill brew: scripts do not run here, for want of a sandbox: read it with read_skill_file, or do without it.'
        ])
      }).pipe(
        Effect.provide(
          over(there, [
            [call("1", "activate_skill", { name: "brew" }), call("2", "activate_skill", { name: "pour" })],
            [
              call("3", "read_skill_file", { name: "brew", path: "references/times.md" }),
              call("4", "read_skill_file", { name: "brew", path: "../x" }),
              call("5", "brew__timer", { arguments: ["2"] })
            ],
            done
          ])
        )
      )
    })
  )

  test(
    "AM-38 what comes while a session lives is there in its next run, what was stays",
    Effect.gen(function* () {
      const there = yield* scripted
      const adding = Effect.zipRight(
        there.skill(at, "pour"),
        Effect.zipRight(there.write(`${at}/pour/scripts/spill.sh`, ""), there.remove(`${at}/brew/scripts/timer.py`))
      )
      yield* Effect.gen(function* () {
        yield* run
        yield* run
        const requests = yield* ScriptedTransport.requests
        assert.deepStrictEqual(sentResults(requests[1]), [
          'ok: <skill name="pour">\nHow to pour.\n</skill>\nIts files, for read_skill_file: scripts/spill.sh\nIts scripts are tools: pour__spill (scripts/spill.sh)',
          "failed: The skill brew has no scripts/timer.py any more."
        ])
        assert.deepStrictEqual(toolsOf(requests[1]), ["activate_skill", "read_skill_file", "brew__timer"])
        assert.deepStrictEqual(toolsOf(requests[2]), ["activate_skill", "read_skill_file", "pour__spill"])
        assert.deepStrictEqual(
          [requests[0], requests[1], requests[2]].map((request) =>
            systemOf(request).map((all) => all.split("<skill ").length - 1)
          ),
          [[1], [1], [2]]
        )
        assert.strictEqual(systemOf(requests[0])[0], systemOf(requests[1])[0])
      }).pipe(
        Effect.provide(
          over(there, [
            [
              ScriptedTransport.gate(adding),
              call("1", "activate_skill", { name: "pour" }),
              call("2", "brew__timer", {})
            ],
            done,
            done
          ])
        )
      )
    })
  )

  test(
    "without skills there are neither tools nor a catalog",
    Effect.gen(function* () {
      const there = yield* scripted
      yield* Effect.gen(function* () {
        yield* run
        const [request] = yield* ScriptedTransport.requests
        assert.deepStrictEqual([systemOf(request), toolsOf(request)], [["You serve tea."], []])
      }).pipe(Effect.provide(over(there, [done], { allow: [] })))
    })
  )

  test(
    "scripts run by a runner ask a person first, and have 30 seconds",
    Effect.gen(function* () {
      const there = yield* scripted
      const waits = yield* Deferred.make<void>()
      const ran: Array<readonly [string, ReadonlyArray<string>]> = []
      const runner: Skills.RunScript = ({ file }, arguments_) =>
        Effect.zipRight(
          Effect.sync(() => ran.push([file.replace(there.root, ""), arguments_])),
          arguments_.length === 0
            ? Effect.zipRight(Deferred.succeed(waits, undefined), Effect.never)
            : Effect.succeed("steeped")
        )
      const calling = [[call("1", "brew__timer", { arguments: ["2", "a b"] })], [call("2", "brew__timer", {})], done]
      const running = (approval: Layer.Layer<Approval.Approval>) =>
        Effect.gen(function* () {
          yield* run
          const [, ...requests] = yield* ScriptedTransport.requests
          return requests.flatMap(sentResults)
        }).pipe(
          Effect.provide(over(there, calling)),
          Effect.provide(approval),
          Effect.provide(Layer.succeed(Skills.ScriptRunner, runner))
        )
      const denied = yield* running(Approval.layerDeny)
      assert.deepStrictEqual(
        denied.map((result) => result.slice(0, 7)),
        ["denied:", "denied:"]
      )
      assert.deepStrictEqual(ran, [])
      const fiber = yield* Effect.fork(running(Approval.layerAllow))
      yield* Deferred.await(waits)
      yield* TestClock.adjust("30 seconds")
      const results = yield* Fiber.join(fiber)
      assert.strictEqual(results[0], "ok: steeped")
      assert.match(results[1] ?? "", /^timed-out: /)
      assert.deepStrictEqual(ran, [
        [`/${at}/brew/scripts/timer.py`, ["2", "a b"]],
        [`/${at}/brew/scripts/timer.py`, []]
      ])
    })
  )

  test(
    "long files are read in pages that join without a gap",
    Effect.gen(function* () {
      const there = yield* brewing
      const whole = `${"x".repeat(29_999)}😀${"y".repeat(40_000)}`
      yield* there.write(`${at}/brew/long.md`, whole)
      const toolkit = yield* Effect.provide(SkillTools.toolkit, Skills.layer(there.options))
      const page = (offset: number) =>
        Effect.map(toolkit.handle("read_skill_file", { name: "brew", path: "long.md", offset }), ({ encodedResult }) =>
          String(encodedResult).split("\n")
        )
      const pages = yield* Effect.forEach([0, 29_999, 59_999, 80_000], page)
      assert.deepStrictEqual(
        pages.map(([title]) => title),
        [
          "[Characters 0 to 29999 of 70001; read on with offset 29999]",
          "[Characters 29999 to 59999 of 70001; read on with offset 59999]",
          "[Characters 59999 to 70001 of 70001]",
          "[Characters 70001 to 70001 of 70001]"
        ]
      )
      assert.strictEqual(pages.map(([, shown]) => shown).join(""), whole)
    })
  )

  test(
    "the same skills give the same toolkit",
    Effect.gen(function* () {
      const there = yield* scripted
      const skills = yield* Skills.make(there.options)
      const built = Effect.provideService(SkillTools.toolkit, Skills.Skills, skills)
      const first = yield* built
      assert.strictEqual(yield* built, first)
      const runner: Skills.RunScript = () => Effect.succeed("")
      assert.notStrictEqual(yield* Effect.provideService(built, Skills.ScriptRunner, runner), first)
      yield* there.skill(at, "pour")
      assert.notStrictEqual(yield* built, first)
    })
  )

  test(
    "the longest instructions reach the model whole",
    Effect.gen(function* () {
      const there = yield* brewing
      const body = "é".repeat(60_000)
      yield* there.skill(at, "brew", "Tea", body)
      yield* Effect.gen(function* () {
        yield* run
        const [, request] = yield* ScriptedTransport.requests
        assert.strictEqual(sentResults(request)[0], `ok: <skill name="brew">\n${body}\n</skill>`)
      }).pipe(Effect.provide(over(there, [[call("1", "activate_skill", { name: "brew" })], done])))
    })
  )
})
