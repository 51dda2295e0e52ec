/**
 * What a command of a conversation is, where it is typed, and what comes of it. The faces show outcomes; the commands know
 * of no face.
 */
import * as Effect from "effect/Effect"
import type { ContextStore, SessionInfo, StoreError } from "../../../context/ContextStore.ts"
import * as Store from "../../../context/ContextStore.ts"
import type { UsageError } from "../../errors.ts"
import { SetupError } from "../../errors.ts"
import { oneLine } from "../../internal/words.ts"
import type { Screen } from "../../sessions/screen.ts"
import type { Needs, Problem } from "../assistant.ts"
import type { Conversation } from "../conversation.ts"

/**
 * A command, as it is told to people.
 *
 * **Details**
 *
 * - `name` and `aliases` are without the slash. `words`: what may follow, `""` when nothing does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Command {
  readonly name: string
  readonly aliases: ReadonlyArray<string>
  readonly words: string
  readonly summary: string
}

/**
 * Where a command is typed.
 *
 * **Details**
 *
 * - `stop` completes when what takes long is to be given up.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly conversation: Conversation
  readonly screen: Screen
  readonly stop: Effect.Effect<void>
}

/**
 * Something to choose.
 *
 * @category models
 * @since 0.1.0
 */
export interface Item {
  readonly value: string
  readonly label: string
  readonly detail?: string | undefined
  readonly isCurrent?: boolean | undefined
}

/**
 * What came of a command.
 *
 * **Details**
 *
 * - `Said`: to be shown as a note, of one line or several. `Choose`: how things stand, and what would change them: choosing
 *   an item does `/command value`.
 * - `Edit`: words for the editor. `Copy`: words for the clipboard, and what to tell of it.
 * - `Cleared`: what is shown is emptied. `Left`: the conversation is over.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly _tag: "Said"; readonly text: string }
  | {
      readonly _tag: "Choose"
      readonly title: string
      readonly command: string
      readonly items: ReadonlyArray<Item>
    }
  | { readonly _tag: "Edit"; readonly text: string }
  | { readonly _tag: "Copy"; readonly text: string; readonly told: string }
  | { readonly _tag: "Cleared" }
  | { readonly _tag: "Left" }

/**
 * Why a command could not be done.
 *
 * @category errors
 * @since 0.1.0
 */
export type Failure = StoreError | SetupError | UsageError | Problem

/**
 * A command with what it does.
 *
 * **Details**
 *
 * - `act` gets the words behind the name. `complete` answers what may stand in their place.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry extends Command {
  readonly act: (words: string, place: Place) => Effect.Effect<Outcome, Failure>
  readonly complete?: ((words: string, place: Place) => Effect.Effect<ReadonlyArray<Item>, Failure>) | undefined
}

/**
 * An outcome of words.
 *
 * @category constructors
 * @since 0.1.0
 */
export const said = (text: string): Outcome => ({ _tag: "Said", text })

/**
 * Does something with the sessions, the sandbox and the model in use.
 *
 * @category combinators
 * @since 0.1.0
 */
export const within = <A, E, R>(
  { conversation }: Place,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | Problem, Exclude<R, Needs>> => conversation.assistant.within(effect)

/**
 * Refuses while a run works, for what would pull the session from under it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const atRest = <A, E, R>(
  { conversation }: Place,
  name: string,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SetupError, R> =>
  Effect.suspend(
    (): Effect.Effect<A, E | SetupError, R> =>
      conversation.isWorking()
        ? Effect.fail(new SetupError({ message: `/${name} has to wait until the answer is there. Stop it first.` }))
        : effect
  )

/**
 * What the store says of the session, which exists from its first entry on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const begun = ({ conversation }: Place): Effect.Effect<SessionInfo, StoreError | SetupError, ContextStore> =>
  Effect.flatMap(Store.ContextStore, (store) =>
    Effect.catchIf(
      store.info(conversation.session()),
      ({ reason }) => reason._tag === "NotFound",
      () => new SetupError({ message: "nothing was said in this session yet." })
    )
  )

/**
 * The failure of words that a command does not take.
 *
 * @category errors
 * @since 0.1.0
 */
export const refused = (name: string, takes: string, words: string): SetupError =>
  new SetupError({ message: `/${name} takes ${takes}, not "${oneLine(words)}".` })

/**
 * Completions among fixed words.
 *
 * @category constructors
 * @since 0.1.0
 */
export const among = (words: ReadonlyArray<readonly [value: string, detail: string]>) => () =>
  Effect.succeed(words.map(([value, detail]): Item => ({ value, label: value, detail })))
