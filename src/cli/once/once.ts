/**
 * The single answer: a prompt, what goes with it, and an exit code that scripts can go by.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { AgentEvent, RunEnd } from "../../domain/AgentEvent.ts"
import { Transport } from "../../transport/Transport.ts"
import * as Approving from "../approval.ts"
import type { Assistant } from "../assistant/assistant.ts"
import { nobody } from "../assistant/parts/person.ts"
import { exitCodes } from "../errors.ts"
import * as Prompt from "../input.ts"
import { oneLine } from "../internal/words.ts"
import * as Render from "../render.ts"
import * as Saved from "../saved.ts"
import * as Sessions from "../sessions/sessions.ts"
import type { Settings } from "../settings.ts"
import * as Signals from "../signals.ts"

/**
 * Answers once. The answer goes to standard output, everything about it to standard error.
 *
 * **Details**
 *
 * - With a schema for the output, standard output has the JSON that fits it, and nothing else.
 * - Errors: files and schemas that cannot be used, before anything is asked.
 *
 * @category constructors
 * @since 0.1.0
 */
export const once = (assistant: Assistant, output: Render.Output) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { folder, settings } = assistant
      const stopping = yield* Signals.listen(["SIGINT", "SIGTERM", "SIGHUP"])
      const stopSignal = Effect.asVoid(stopping.asked)
      const files = yield* filesOf(assistant)
      const schema = yield* outputOf(settings.outputSchema)
      const input = yield* Effect.raceFirst(Prompt.read(settings.prompt, process.stdin, files), stopSignal)
      if (input === undefined) return stopping.code() ?? exitCodes.failed
      const session = yield* assistant.within(Sessions.choose(settings, folder))
      const approval = yield* Approving.make(undefined, Approving.showing(assistant.undo.sandbox))
      const person = { isThere: Approving.isTerminal(), approval, respond: nobody }
      const warn = (text: string) => Effect.sync(() => output.note(`axonal: ${text}\n`))
      yield* Effect.forkScoped(Stream.runForEach(assistant.parts.notices, warn))
      const render = rendererOf(assistant, output, session)
      const seen: Seen = { end: undefined, unanswered: false }
      const follow = (events: Iterable<AgentEvent>) => {
        for (const event of events) {
          render(event)
          look(seen, event)
        }
      }
      yield* Stream.runForEachChunk(
        assistant.stream(input, { session, person, stopSignal, output: schema }),
        (events) => Effect.sync(() => follow(events))
      )
      const code = stopping.code()
      // Before a plan is approved nothing is done, which is what was asked for.
      const unanswered = seen.unanswered && settings.permission !== "plan"
      last({ settings, output, session, end: seen.end, code, unanswered })
      return code ?? codeOf(seen.end, unanswered)
    })
  )

/**
 * The exit code of a run that nobody stopped.
 *
 * **Details**
 *
 * - `unanswered`: whether it asked, and nobody was there.
 *
 * @category converters
 * @since 0.1.0
 */
export const codeOf = (end: Pick<RunEnd, "reason" | "limit"> | undefined, unanswered: boolean): number => {
  switch (end?.reason) {
    case "completed":
      return unanswered ? exitCodes.unapproved : exitCodes.ok
    case "awaiting-approval":
      return exitCodes.unapproved
    case "length":
      return exitCodes.limit
    case "limit":
      return end.limit === "wallTime" ? exitCodes.timeout : exitCodes.limit
    default:
      return exitCodes.failed
  }
}

// internal

interface Seen {
  end: RunEnd | undefined
  unanswered: boolean
}

const rendererOf = ({ settings }: Assistant, output: Render.Output, session: string): Render.Renderer =>
  settings.json
    ? Render.json(output)
    : Render.text(
        settings.outputSchema === undefined ? output : { ...output, answer: () => {} },
        Saved.make(settings, () => session)
      )

/** What is told once it is over: the JSON that was wanted, how it goes on, and what nobody was there to approve. */
const last = ({
  code,
  end,
  output,
  session,
  settings,
  unanswered
}: {
  readonly settings: Settings
  readonly output: Render.Output
  readonly session: string
  readonly end: RunEnd | undefined
  readonly code: number | undefined
  readonly unanswered: boolean
}): void => {
  if (settings.outputSchema !== undefined && !settings.json && end?.value !== undefined) {
    output.answer(`${JSON.stringify(end.value, undefined, 2)}\n`)
  }
  if (end?.reason === "stopped" && code !== exitCodes.ok) {
    const kept = settings.save ? ` Session ${oneLine(session)} is kept, go on with: axonal --continue` : ""
    output.note(`axonal: stopped.${kept}\n`)
  } else if (!settings.json && settings.save) output.note(`session ${oneLine(session)}\n`)
  if (unanswered && !settings.json) {
    output.note("axonal: it wanted something that nobody was there to approve: see --tools, --yolo and rules\n")
  }
}

const look = (seen: Seen, event: AgentEvent): void => {
  if (event._tag === "RunEnd" && event.path === undefined) seen.end = event
  else if (event._tag === "ApprovalAsked" && !Approving.isTerminal()) seen.unanswered = true
}

const filesOf = ({ settings, within }: Assistant) =>
  settings.files.length === 0
    ? Effect.succeed([])
    : Effect.gen(function* () {
        const Attach = yield* Effect.promise(() => import("./attach.ts"))
        const files = yield* Attach.read(settings.files)
        yield* Attach.check(files, yield* within(Effect.map(Transport, ({ model }) => model)))
        return files
      })

const outputOf = (file: string | undefined) =>
  file === undefined
    ? Effect.succeed(undefined)
    : Effect.flatMap(
        Effect.promise(() => import("./outputSchema.ts")),
        ({ load }) => load(file)
      )
