/** Events of made-up runs, and what a transcript shows of them. */
import type { News } from "axonal/cli/assistant/conversation"
import * as Theme from "axonal/cli/screen/theme"
import type { Options } from "axonal/cli/screen/transcript/transcript"
import * as Transcript from "axonal/cli/screen/transcript/transcript"
import type { AgentEvent } from "axonal/domain/AgentEvent"
import { AgentEvent as Schema } from "axonal/domain/AgentEvent"
import * as Message from "axonal/domain/Message"
import * as Usage from "axonal/domain/Usage"
import { decodeUnknownSync } from "effect/Schema"

const decode = decodeUnknownSync(Schema)

/** Makes events of one run: what is not given is what is usual. */
export const runOf = (id: string, more: object = {}) => {
  let sequence = 0
  return (tag: AgentEvent["_tag"], fields: object = {}): AgentEvent =>
    decode({ _tag: tag, run: id, turn: 1, sequence: sequence++, agent: "assistant", ...usual[tag], ...more, ...fields })
}

const usual: { readonly [tag: string]: object } = {
  RunStart: { session: "s", input: [] },
  TurnStart: { model: "m", input: [] },
  TextDelta: { index: 0 },
  ReasoningDelta: { index: 0 },
  ToolEnd: { outcome: "ok", content: [], durationMillis: 0 },
  TurnEnd: { reason: "stop", usage: Usage.zero, messages: [] },
  RunEnd: { reason: "completed", output: "", usage: Usage.zero, endedAtMillis: 0 }
}

/** A text as what a result has. */
export const words = (text: string) => [{ type: "text", text }]

/** A message of the person. */
export const said = (text: string) => Message.user(text)

/** A transcript without colours whose clock is `clock.now`, and its events as news. */
export const opened = (options: Partial<Options> = {}) => {
  const clock = { now: 0 }
  const transcript = Transcript.make({ theme: Theme.plain, now: () => clock.now, ...options })
  return {
    clock,
    transcript,
    tell: (...events: ReadonlyArray<AgentEvent>) => transcript.push({ _tag: "Events", events }),
    push: (news: News) => transcript.push(news),
    text: (width = 60) => transcript.lines(width, 0, transcript.height(width)).join("\n")
  }
}
