/**
 * Conversations in a store, and a screen that keeps what is written to it.
 */
import type { Options } from "axonal/cli/sessions/args"
import { parse } from "axonal/cli/sessions/args"
import type { Screen } from "axonal/cli/sessions/screen"
import { ContextStore } from "axonal/context/ContextStore"
import type { Entry } from "axonal/domain/Entry"
import { EntryId, SessionId } from "axonal/domain/Ids"
import * as Message from "axonal/domain/Message"
import * as Usage from "axonal/domain/Usage"
import * as Effect from "effect/Effect"

export const here = "/home/ada/work"

export interface Kept extends Screen {
  readonly printed: () => string
  readonly noted: () => string
  readonly asked: Array<string>
}

/** A screen without colours, whose lines are not cut unless a width is given, and a person who always says the same. */
export const screenOf = (
  options: { readonly width?: number; readonly color?: boolean; readonly says?: boolean } = {}
): Kept => {
  let [printed, noted] = ["", ""]
  const asked: Array<string> = []
  return {
    print: (text) => {
      printed += text
    },
    note: (text) => {
      noted += text
    },
    color: options.color ?? false,
    width: options.width ?? Number.POSITIVE_INFINITY,
    home: "/home/ada",
    confirm: (question) => Effect.sync(() => asked.push(question)).pipe(Effect.as(options.says ?? true)),
    printed: () => printed,
    noted: () => noted,
    asked
  }
}

/** The options of a command line that is known to be right. */
export const optionsOf = (...args: ReadonlyArray<string>): Options => {
  const parsed = parse(args)
  if (parsed._tag !== "Asked") throw new Error(`not right: ${JSON.stringify(parsed)}`)
  return parsed.options
}

const spent = Usage.make({ input: 10, output: 2 })

/** The entries of one exchange: a request, its answer, and what that cost. */
export const exchange = (name: string, text: string): ReadonlyArray<Entry> => [
  { _tag: "Message", id: EntryId.make(`${name}/0/input-0`), at: 0, message: Message.user(text) },
  { _tag: "Message", id: EntryId.make(`${name}/1/answer`), at: 0, message: Message.assistant(`Re: ${text}`) },
  { _tag: "Usage", id: EntryId.make(`${name}/1/usage`), at: 0, model: "m", usage: spent }
]

/** Holds a conversation of these requests. Their runs are called by the session and a number. */
export const talk = (session: string, requests: ReadonlyArray<string>, owner = here) =>
  Effect.flatMap(ContextStore, (store) =>
    store.append(
      SessionId.make(session),
      requests.flatMap((text, index) => exchange(`${session}-${index}`, text)),
      { owner }
    )
  )

/** The texts of what a model would see. */
export const textsOf = (session: string) =>
  Effect.flatMap(ContextStore, (store) =>
    Effect.map(store.read(SessionId.make(session)), ({ messages }) => messages.map(Message.toText))
  )
