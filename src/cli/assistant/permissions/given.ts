/**
 * Answers of persons that hold for more than their call. The runtime keeps them with a session; here they hold for the agents
 * below it, too, and those for all of a session, or given with a plan, for as long as the assistant lives.
 */
import * as Effect from "effect/Effect"
import { makeGrants } from "../../../agent/Grants.ts"
import { SessionId } from "../../../domain/Ids.ts"
import * as Approval from "../../../guard/Approval.ts"
import type * as Guard from "../../../guard/Guard.ts"

/**
 * An answer, and the question that it was given to. `id`: of the session and the call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Given {
  readonly id: string
  readonly tool: string
  readonly category: string | undefined
  readonly approved: boolean
  readonly reason: string | undefined
  readonly remember: NonNullable<Approval.Decision["remember"]>
}

/**
 * The answers by session.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly asking: (approval: Approval.Service) => Approval.Service
  /** What holds in a session and below it, oldest first. */
  readonly of: (session: SessionId) => ReadonlyArray<Given>
  /** Takes one back. Answers whether it was there. */
  readonly remove: (session: SessionId, id: string) => boolean
}

/**
 * The name of an answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const idOf = (session: string, call: string): string => `${session} ${call}`

/**
 * Makes the place for them. `plan` is the name of the tool that presents plans: what is said about a plan holds for no other,
 * and its "always" is one for edits.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (plan: string): Service => {
  const sessions = new Map<SessionId, Book>()
  const bookOf = (session: SessionId): Book => {
    const book = sessions.get(session) ?? { given: [], grants: makeGrants(Effect.succeed([])) }
    sessions.set(session, book)
    return book
  }
  const keep = (book: Book, given: Given): void => {
    book.given = [...book.given.filter(({ id }) => id !== given.id), given]
  }
  return {
    asking: (approval) => ({
      ask: (question) => {
        const { call, category } = question
        const book = bookOf(rootOf(call))
        const note = (answer: Approval.Answer, about: Pick<Given, "tool" | "category">): void => {
          if (Approval.isLater(answer) || answer.remember === undefined) return
          const { approved, reason, remember } = answer
          keep(book, { id: idOf(call.session, call.id), ...about, approved: approved === true, reason, remember })
        }
        if (call.tool.name === plan) {
          return Effect.map(approval.ask(question), (answer) => {
            if (Approval.isLater(answer)) return answer
            if (answer.approved === true && answer.remember === "category") {
              const about = { tool: "", category: "edit" }
              note(answer, about)
              book.grants.add(about, { approved: true, remember: "category" })
            }
            return once(answer)
          })
        }
        const about = { tool: call.tool.name, category }
        return Effect.flatMap(book.grants.find(about), (known) =>
          known !== undefined
            ? Effect.succeed<Approval.Answer>(known)
            : Effect.map(book.grants.orGranted(about, approval.ask(question)), (answer) => {
                note(answer, about)
                return !Approval.isLater(answer) && answer.remember === "session" ? once(answer) : answer
              })
        )
      }
    }),
    of: (session) => sessions.get(session)?.given ?? [],
    remove: (session, id) => {
      const book = sessions.get(session)
      if (book === undefined || !book.given.some((given) => given.id === id)) return false
      book.given = book.given.filter((given) => given.id !== id)
      book.grants = makeGrants(Effect.succeed([]))
      for (const { approved, category, reason, remember, tool } of book.given) {
        book.grants.add({ tool, category }, { approved, reason, remember })
      }
      return true
    }
  }
}

// internal

/** The session whose answers are about a call: that of the run that a person began. */
const rootOf = ({ identity, session }: Guard.Call): SessionId =>
  identity.chatId === undefined ? session : SessionId.make(identity.chatId)

interface Book {
  given: ReadonlyArray<Given>
  grants: ReturnType<typeof makeGrants>
}

/** An answer that the runtime is not to keep. */
const once = ({ remember: _, ...answer }: Approval.Decision): Approval.Decision => answer
