/**
 * The conversation in plain lines: a line is a request, Ctrl-C stops the run and not the conversation, and a failed run
 * leaves it open.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Toolkit from "../tool/Toolkit.ts"
import * as Approving from "./approval.ts"
import type { Assistant } from "./assistant/assistant.ts"
import * as Conversation from "./assistant/conversation.ts"
import type { Where } from "./errors.ts"
import { exitCodes, explain } from "./errors.ts"
import type { Output } from "./render.ts"
import * as Render from "./render.ts"
import * as Screen from "./sessions/screen.ts"
import * as Sessions from "./sessions.ts"
import * as Signals from "./signals.ts"
import * as Slash from "./slash.ts"
import * as Terminal from "./terminal.ts"

/**
 * Holds a conversation until it is left. Answers the exit code.
 *
 * @category constructors
 * @since 0.1.0
 */
export const converse = (setting: { readonly assistant: Assistant; readonly output: Output; readonly where: Where }) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { assistant, output, where } = setting
      const { folder, settings } = assistant
      const terminal = yield* Terminal.open({ input: process.stdin, output: process.stdout, sign: "› " })
      const stopping = yield* Signals.listen(["SIGTERM", "SIGHUP"])
      const stop = Effect.raceFirst(terminal.interrupt, Effect.asVoid(stopping.asked))
      const person = { approval: yield* Approving.make(terminal.aside), respond: () => Effect.succeedNone }
      const screen = Screen.ofNotes(output, process.env)
      const conversation = yield* Conversation.make(
        assistant,
        person,
        yield* assistant.within(Sessions.choose(settings, folder))
      )
      const about = yield* aboutOf(assistant)
      let isLatest = true
      output.note("Type a request, or /help.\n")
      let render = Render.text(output)
      conversation.listen((news) => {
        switch (news._tag) {
          case "Events":
            return news.events.forEach(render)
          case "Settled":
            render = Render.text(output)
            if (news.problem !== undefined) output.note(`axonal: ${news.problem}\n`)
            else if (news.end?.reason === "stopped") output.note("stopped\n")
            else isLatest = true
            return
          case "Switched":
            isLatest = false
            return
        }
      })

      // A conversation outlives what goes wrong in it.
      const complain = (cause: Cause.Cause<unknown>) =>
        Effect.sync(() => {
          output.note(`axonal: ${explain(cause, where).text}\n`)
          return true
        })
      const talk = (line: string) =>
        Effect.zipRight(
          conversation.say(line),
          Effect.raceFirst(conversation.settled, Effect.zipRight(stop, conversation.stop))
        ).pipe(Effect.as(true), Effect.catchAllCause(complain))
      const command = (line: string) =>
        assistant.within(Slash.act(line, { session: conversation.session(), folder, about, screen, stop })).pipe(
          Effect.tap((next) =>
            next !== undefined && next !== conversation.session() ? conversation.switchTo(next) : Effect.void
          ),
          Effect.map((next) => next !== undefined),
          Effect.catchAllCause(complain)
        )
      const turn = (line: string) => {
        const text = line.trim()
        if (text === "") return Effect.succeed(true)
        return text.startsWith("/") ? command(text) : talk(text)
      }

      const opening = settings.prompt === undefined ? Stream.empty : Stream.make(settings.prompt)
      yield* Stream.concat(opening, Stream.interruptWhen(terminal.lines, stopping.asked)).pipe(
        Stream.mapEffect(turn),
        Stream.takeWhile((goesOn) => goesOn),
        Stream.runDrain
      )
      const how = isLatest ? "--continue" : `--session ${conversation.session()}`
      if (settings.save) output.note(`session ${conversation.session()}, go on with: axonal ${how}\n`)
      return stopping.code() ?? exitCodes.ok
    })
  )

// internal

const aboutOf = ({ agent, compaction, parts, settings }: Assistant) =>
  Effect.succeed({
    instructions: agent().definition.instructions ?? "",
    tools: Effect.map(Effect.orDie(Toolkit.resolve(parts.tools)), ({ specs }) => specs),
    compaction: compaction(),
    compacts: settings.compact
  })
