/**
 * The assistant's permissions, plans and undoing around a real run: a scripted model, a sandbox in a folder of its own, and
 * a person who answers by a function.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll } from "vitest"
import * as Agent from "../../../src/agent/Agent.ts"
import type { Permission } from "../../../src/cli/args.ts"
import * as Knobs from "../../../src/cli/assistant/knobs.ts"
import * as Notes from "../../../src/cli/assistant/notes.ts"
import * as Permissions from "../../../src/cli/assistant/permissions/permissions.ts"
import * as Plan from "../../../src/cli/assistant/plan.ts"
import * as Undo from "../../../src/cli/assistant/undo/undo.ts"
import * as Tools from "../../../src/cli/tools.ts"
import type { ContextStore } from "../../../src/context/ContextStore.ts"
import * as Identity from "../../../src/context/Identity.ts"
import { SessionId } from "../../../src/domain/Ids.ts"
import * as Approval from "../../../src/guard/Approval.ts"
import * as Guard from "../../../src/guard/Guard.ts"
import * as PathGuard from "../../../src/guard/PathGuard.ts"
import type * as Rules from "../../../src/guard/Rules.ts"
import * as LocalSandbox from "../../../src/sandbox/LocalSandbox.ts"
import * as Sandbox from "../../../src/sandbox/Sandbox.ts"
import type * as Tool from "../../../src/tool/Tool.ts"
import type * as Transport from "../../../src/transport/Transport.ts"

export const session = SessionId.make("s")

const folders: Array<string> = []

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

export const folderOf = (files: Readonly<Record<string, string | Uint8Array>> = {}): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "axonal-assistant-")))
  folders.push(folder)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return folder
}

export interface Setting {
  readonly folder: string
  readonly permission?: Permission | undefined
  readonly rules?: Rules.Rules | undefined
  readonly others?: Guard.Service | undefined
  readonly model?: Transport.Service | undefined
  readonly tools?: ReadonlyArray<Tool.WithHandler<Sandbox.Sandbox | Transport.Transport | ContextStore>> | undefined
  readonly isThere?: boolean | undefined
  readonly answer?: ((question: Approval.Question) => Approval.Decision) | undefined
}

/** Puts it together. `asked` is what the person was asked: tool, reason and category. */
export const assisted = (setting: Setting) =>
  Effect.gen(function* () {
    const { answer = () => ({ approved: true }), folder, isThere = true, rules, tools = [] } = setting
    const knobs = Knobs.make({
      choice: { _tag: "Offline", why: "" },
      settings: {},
      permission: setting.permission ?? "ask",
      off: new Set(),
      maxTurns: undefined,
      debug: false
    })
    const inner = yield* LocalSandbox.make({ folder, roots: [{ path: "/", access: "write" }] })
    const undo = yield* Undo.make(inner, { folder: undefined })
    const place = { kind: "local" } as const
    const toolbox = yield* Tools.make("all")
    const permissions = Permissions.make({ rules, sandbox: place }, knobs, {
      folder,
      declared: PathGuard.pathsOf(...toolbox.map(({ tool }) => tool)),
      others: setting.others ?? Guard.standard,
      model: setting.model === undefined ? undefined : Effect.succeed(setting.model)
    })
    const asked: Array<readonly [tool: string, reason: string, category: string | undefined]> = []
    const turnstile = Effect.unsafeMakeSemaphore(1)
    // One question after another; an answer may settle those that wait.
    const person: Approval.Service = {
      ask: (question) =>
        Effect.repeatN(Effect.yieldNow(), 20).pipe(
          Effect.zipRight(
            Effect.sync(() => {
              asked.push([question.call.tool.name, question.reason, question.category])
              return answer(question)
            })
          ),
          turnstile.withPermits(1)
        )
    }
    const around = Context.make(Approval.Approval, permissions.asking(person)).pipe(
      Context.add(Guard.Guard, permissions.guard),
      Context.add(Sandbox.Sandbox, undo.sandbox),
      Context.add(Plan.IsThere, isThere),
      Context.add(Identity.Identity, { userId: folder, chatId: session })
    )
    const agent = Agent.make("axonal", { tools: [...toolbox, Plan.tool(knobs), ...tools] })
    /** One request of the person, to its end. */
    const say = (words: string) =>
      Effect.gen(function* () {
        yield* undo.begin(session)
        const news = [yield* undo.news(session), permissions.news(session, isThere)]
        return yield* Agent.run(agent, Notes.withNotes(words, news), { session })
      }).pipe(Effect.provide(Layer.succeedContext(around)))
    return { asked, knobs, permissions, say, undo }
  })
