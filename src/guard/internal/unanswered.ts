/**
 * Answers that nobody gave: what an approver says for want of a person. Each is about its call only, and nothing is to be
 * learned from it.
 */

const all = new WeakSet<object>()

/** Makes a no for want of a person. */
export const unanswered = (reason: string): { readonly approved: false; readonly reason: string } => {
  const decision = { approved: false, reason } as const
  all.add(decision)
  return decision
}

/** Whether this very answer is one of them. A copy does not count. */
export const isUnanswered = (answer: object): boolean => all.has(answer)
