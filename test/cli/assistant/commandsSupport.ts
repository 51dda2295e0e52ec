/**
 * The assistant as the command line puts it together, in a folder of its own, with nothing saved and a model that is played.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { parse } from "axonal/cli/args"
import * as Assistant from "axonal/cli/assistant/assistant"
import type { Place } from "axonal/cli/assistant/commands/commands"
import * as Commands from "axonal/cli/assistant/commands/commands"
import type { News } from "axonal/cli/assistant/conversation"
import * as Conversation from "axonal/cli/assistant/conversation"
import { nobody } from "axonal/cli/assistant/parts/person"
import * as Settings from "axonal/cli/settings"
import * as Compaction from "axonal/context/Compaction"
import { SessionId } from "axonal/domain/Ids"
import type { Capability } from "axonal/domain/ModelInfo"
import type * as Mcp from "axonal/mcp/Mcp"
import * as ScriptedTransport from "axonal/testing/ScriptedTransport"
import { Transport } from "axonal/transport/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Kept } from "../sessionSupport.ts"
import { screenOf } from "../sessionSupport.ts"

export const plan = SessionId.make("plan")

export interface World extends Place {
  readonly folder: string
  readonly screen: Kept
  readonly news: Array<News>
  readonly openConnections: Effect.Effect<number>
  /** Does it with the sessions of the assistant. */
  readonly within: Assistant.Assistant["within"]
  /** Types a command; answers what is told of it. */
  readonly type: (line: string) => Effect.Effect<string, Commands.Failure>
  /** Types one that fails; answers why. */
  readonly problem: (line: string) => Effect.Effect<string, Commands.Outcome>
}

/**
 * Opens it. `script`: what the model answers in commands; runs are answered by the rules that need no model.
 */
export const open = (
  setting: {
    readonly script?: ScriptedTransport.Script
    readonly tools?: "all" | "none"
    readonly files?: Readonly<Record<string, string | Uint8Array>>
    readonly summarises?: boolean
    readonly capabilities?: ReadonlyArray<Capability>
    readonly stop?: Effect.Effect<void>
    readonly mcp?: Partial<Mcp.Service>
    /** Which servers of the folder's files are used. */
    readonly trust?: "all"
  } = {}
) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "axonal-assistant-")))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    )
    for (const [name, content] of Object.entries(setting.files ?? {})) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), content)
    }
    const parsed = parse(["--offline", "--no-save", "--tools", setting.tools ?? "none"])
    if (parsed._tag !== "Run") return yield* Effect.dieMessage("these arguments are right")
    const environment = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
    const resolved = yield* Settings.resolve(parsed.options, environment, folder)
    const settings = { ...resolved, mcp: { ...resolved.mcp, trust: setting.trust ?? resolved.mcp.trust } }
    const real = yield* Assistant.make(settings, folder, () => {})
    const { capabilities } = setting
    const model = { contextWindow: 10_000, ...(capabilities === undefined ? undefined : { capabilities }) }
    const scripted = ScriptedTransport.make(setting.script ?? [], { model })
    const summarises = Compaction.make()
    const assistant: Assistant.Assistant = {
      ...real,
      parts: setting.mcp === undefined ? real.parts : { ...real.parts, mcp: { ...silent, ...setting.mcp } },
      within: (effect) => real.within(Effect.mapInputContext(effect, Context.add(Transport, scripted.transport))),
      compaction: () => (setting.summarises === false ? undefined : summarises)
    }
    const approval = { ask: () => Effect.succeed({ approved: true }) }
    const conversation = yield* Conversation.make(assistant, { approval, respond: nobody }, plan)
    const news: Array<News> = []
    conversation.listen((one) => news.push(one))
    const screen = screenOf()
    const place = { conversation, screen, stop: setting.stop ?? Effect.never }
    return {
      ...{ ...place, folder, news, openConnections: scripted.openConnections, within: assistant.within },
      type: (line: string) => Effect.map(Commands.act(line, place), told),
      problem: (line: string) => Effect.map(Effect.flip(Commands.act(line, place)), messageOf)
    } satisfies World
  })

/** Servers of which nothing is known. */
const silent: Mcp.Service = {
  ...{ status: Effect.succeed([]), changes: Stream.empty, tools: Effect.succeed([]), notices: Stream.empty },
  ...{ call: () => Effect.never, prompt: () => Effect.never, watch: () => Effect.void, logLevel: () => Effect.void },
  ...{ resources: () => Effect.succeed([]), templates: () => Effect.succeed([]), read: () => Effect.succeed([]) },
  ...{ prompts: () => Effect.succeed([]), complete: () => Effect.succeed([]), connect: () => Effect.void },
  ...{ disconnect: () => Effect.void, login: () => Effect.void, logout: () => Effect.succeed(false) }
}

const told = (outcome: Commands.Outcome): string => {
  switch (outcome._tag) {
    case "Said":
      return outcome.text
    case "Choose":
      return outcome.title
    case "Edit":
      return `(${outcome.text})`
    default:
      return outcome._tag
  }
}

const messageOf = (error: Commands.Failure): string => ("message" in error ? String(error.message) : String(error))
