/**
 * The sequences of a context, lent to one request at a time. Who waits longest gets the next one that is free, and of
 * several free ones the one whose state costs least to bring to the prompt.
 */

/**
 * What the pool knows of a sequence.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lent<Token> {
  /** How many tokens its state holds. */
  readonly nextTokenIndex: number
  /** Where its state and the tokens part ways. */
  readonly compareContextTokens: (tokens: Array<Token>) => { readonly firstDifferentIndex: number }
}

/**
 * Lends sequences.
 *
 * **Details**
 *
 * - `take` calls back at once when one is free, otherwise when it is this one's turn; what it answers gives up waiting.
 * - After `close` nobody gets any.
 *
 * @category models
 * @since 0.1.0
 */
export class Pool<Token, Sequence extends Lent<Token>> {
  /** The one that was given back first comes first. */
  private readonly free: Array<Sequence>
  private readonly waiting = new Set<Waiting<Token, Sequence>>()

  constructor(sequences: ReadonlyArray<Sequence>) {
    this.free = [...sequences]
  }

  take(tokens: ReadonlyArray<Token>, granted: (sequence: Sequence) => void): () => void {
    const waiting = { tokens, granted }
    this.waiting.add(waiting)
    this.serve()
    return () => this.waiting.delete(waiting)
  }

  give(sequence: Sequence): void {
    this.free.push(sequence)
    this.serve()
  }

  close(): void {
    this.free.length = 0
    this.waiting.clear()
  }

  private serve(): void {
    for (const waiting of this.waiting) {
      const sequence = this.best(waiting.tokens)
      if (sequence === undefined) return
      this.waiting.delete(waiting)
      this.free.splice(this.free.indexOf(sequence), 1)
      waiting.granted(sequence)
    }
  }

  /** Every token kept is gained, every other one of the state is lost for a conversation that may go on. */
  private best(tokens: ReadonlyArray<Token>): Sequence | undefined {
    let best: { readonly sequence: Sequence; readonly gain: number } | undefined
    for (const sequence of this.free) {
      const gain = 2 * sequence.compareContextTokens([...tokens]).firstDifferentIndex - sequence.nextTokenIndex
      if (best === undefined || gain > best.gain) best = { sequence, gain }
    }
    return best?.sequence
  }
}

interface Waiting<Token, Sequence> {
  readonly tokens: ReadonlyArray<Token>
  readonly granted: (sequence: Sequence) => void
}
