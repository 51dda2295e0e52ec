/**
 * Commands about what the assistant may do, and about taking back what it did.
 */
import * as Effect from "effect/Effect"
import type { Permission } from "../../args.ts"
import { oneLine, plural } from "../../internal/words.ts"
import type { Remembered } from "../permissions/permissions.ts"
import type { Taken } from "../undo/undo.ts"
import type { Entry, Failure, Item, Outcome, Place } from "./place.ts"
import { among, atRest, refused, said, within } from "./place.ts"

/**
 * What has to be typed so that nothing asks any more.
 *
 * @category constructors
 * @since 0.1.0
 */
export const consent = "I accept the risk"

/**
 * The commands.
 *
 * @category constructors
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Entry> = [
  {
    ...{ name: "permissions", aliases: ["permission"], words: "[ask|plan|revoke ID]" },
    summary: "what it may do, and the answers that hold",
    act: (words, place) => permissions(words, place),
    complete: (_, place) => Effect.map(held(place), (all) => [...modes(place), ...all.map(itemOf)])
  },
  {
    ...{ name: "plan", aliases: [], words: "[off]" },
    summary: "change nothing until you have approved a plan; off ends that",
    act: (words, place) =>
      words !== "" && words !== "off"
        ? refused("plan", "nothing, or off", words)
        : Effect.sync(() => said(turnTo(words === "off" ? "ask" : "plan", place))),
    complete: among([["off", "ask again before each change"]])
  },
  {
    ...{ name: "yolo", aliases: [], words: `[${consent}|off]` },
    summary: "run everything unasked; it takes more than the command",
    act: (words, place) => Effect.suspend(() => yolo(words, place)),
    complete: among([["off", "ask again before each change"]])
  },
  {
    ...{ name: "undo", aliases: [], words: "", summary: "take back what the last request did to files" },
    act: (_, place) => atRest(place, "undo", takeBack(place, "undo"))
  },
  {
    ...{ name: "redo", aliases: [], words: "", summary: "do again what /undo took back" },
    act: (_, place) => atRest(place, "redo", takeBack(place, "redo"))
  }
]

// internal

const meanings: Readonly<Record<Permission, string>> = {
  ask: "ask: you are asked before anything that changes the world",
  plan: "plan: nothing is changed before you have approved a plan",
  yolo: "yolo: everything runs unasked"
}

const turnTo = (permission: Permission, { conversation: { assistant } }: Place): string => {
  assistant.knobs.change({ permission })
  return meanings[permission]
}

const yolo = (words: string, place: Place): Effect.Effect<Outcome, Failure> => {
  if (words === "off") return Effect.sync(() => said(turnTo("ask", place)))
  if (words.toLowerCase() === consent.toLowerCase()) return Effect.sync(() => said(turnTo("yolo", place)))
  if (words !== "") return refused("yolo", `the words “${consent}”, or off`, words)
  return Effect.succeed({
    _tag: "Choose",
    title:
      "yolo: every file may be changed and every command run, here and wherever this user may, without a question. " +
      "What is done then is not asked back. Use it in a sandbox, or on what you can lose.",
    command: "yolo",
    items: [
      { value: "off", label: "no", detail: "go on asking", isCurrent: true },
      { value: consent, label: consent, detail: "until /yolo off, or the end of this conversation" }
    ]
  })
}

const modes = (place: Place): ReadonlyArray<Item> => {
  const { permission } = place.conversation.assistant.knobs.get()
  return (["ask", "plan"] as const).map((value) => {
    return { value, label: value, detail: meanings[value], isCurrent: value === permission }
  })
}

const held = (place: Place): Effect.Effect<ReadonlyArray<Remembered>, Failure> =>
  within(place, place.conversation.assistant.permissions.remembered(place.conversation.session()))

const itemOf = ({ approved, id, of, reason, what }: Remembered): Item => {
  const about = of === undefined ? "everything in this session" : `${what} ${oneLine(of)}`
  const why = reason === undefined ? "" : ` (${oneLine(reason)})`
  return { value: `revoke ${id}`, label: `revoke: ${approved ? "yes" : "no"} to ${about}${why}`, detail: "you said so" }
}

const permissions = (words: string, place: Place): Effect.Effect<Outcome, Failure> =>
  Effect.gen(function* () {
    const { assistant, session } = place.conversation
    if (words === "ask" || words === "plan") return said(turnTo(words, place))
    if (words === "yolo") return yield* yolo("", place)
    if (words === "") {
      const all = yield* held(place)
      const now = meanings[assistant.knobs.get().permission]
      const title = `permissions: ${now}; ${all.length === 0 ? "no answer holds for more than its call" : `${plural(all.length, "answer")} of yours ${all.length === 1 ? "holds" : "hold"}`}`
      return { _tag: "Choose", title, command: "permissions", items: [...modes(place), ...all.map(itemOf)] }
    }
    const id = /^revoke\s+(\S.*)$/.exec(words)?.[1]
    if (id === undefined) return yield* refused("permissions", "ask, plan, or revoke and an id", words)
    const found = yield* within(place, assistant.permissions.revoke(session(), id))
    return said(found ? "that answer holds no longer, from the next request on" : `no answer ${oneLine(id)} holds here`)
  })

const takeBack = (place: Place, name: "undo" | "redo"): Effect.Effect<Outcome, Failure> =>
  Effect.gen(function* () {
    const { assistant, session } = place.conversation
    const taken = yield* assistant.undo[name](session())
    if (taken === undefined) {
      return said(name === "undo" ? "no request of this session has changed files" : "there is nothing to do again")
    }
    return said(wordsOf(taken, name))
  })

const wordsOf = ({ commands, files }: Taken, name: "undo" | "redo"): string => {
  const changed = files.filter(({ what }) => what !== "kept").length
  return [
    `${name === "undo" ? "taken back" : "done again"}: ${plural(changed, "file")}`,
    ...files.map(({ path, what, why }) => `  ${oneLine(path)}  ${what}${why === undefined ? "" : `: ${oneLine(why)}`}`),
    ...(commands.length === 0 ? [] : ["what these commands changed by themselves stays:"]),
    ...commands.map((command) => `  ${oneLine(command)}`)
  ].join("\n")
}
