/**
 * Generated trees of runners, and what happens to them.
 */
import * as FastCheck from "effect/FastCheck"

/** A call that the model of an agent makes. */
export interface Calling {
  readonly tool: "plain" | "ask" | "fail" | "sub"
  readonly steps: number
  /** Of a sub-agent. */
  readonly child: Tree | undefined
}

export interface AgentTree {
  readonly kind: "agent"
  readonly turns: ReadonlyArray<ReadonlyArray<Calling>>
  readonly end: "text" | "fails"
  readonly maxTurns: number | undefined
  readonly steps: number
}

export interface FunctionTree {
  readonly kind: "function"
  readonly isKept: boolean
  readonly fails: boolean
  readonly steps: number
}

export interface PatternTree {
  readonly kind: "sequence" | "parallel"
  readonly parts: ReadonlyArray<{ readonly tree: Tree; readonly session: "own" | "continued" }>
  readonly concurrency: number
  readonly remembers: boolean
}

export type Tree = AgentTree | FunctionTree | PatternTree

const steps = FastCheck.integer({ min: 0, max: 30 })
const often = <A>(usual: A, rare: A, times = 9) => FastCheck.constantFrom(...Array(times).fill(usual), rare)

const pattern = (depth: number): FastCheck.Arbitrary<PatternTree> =>
  FastCheck.record({
    kind: FastCheck.constantFrom("sequence" as const, "parallel" as const),
    parts: FastCheck.array(
      FastCheck.record({ tree: tree(depth - 1), session: often<"own" | "continued">("own", "continued", 2) }),
      { minLength: 1, maxLength: 3 }
    ),
    concurrency: FastCheck.integer({ min: 1, max: 3 }),
    remembers: FastCheck.boolean()
  })

const agent = (depth: number): FastCheck.Arbitrary<AgentTree> =>
  FastCheck.record({
    kind: FastCheck.constant("agent" as const),
    turns: FastCheck.array(
      FastCheck.array(
        FastCheck.record({
          tool: FastCheck.constantFrom<Array<Calling["tool"]>>("plain", "ask", "ask", "fail", "sub", "sub"),
          steps,
          child: depth === 0 ? FastCheck.constant(undefined) : tree(depth - 1)
        }),
        { minLength: 1, maxLength: 3 }
      ),
      { maxLength: 2 }
    ),
    end: often<AgentTree["end"]>("text", "fails", 30),
    maxTurns: often<number | undefined>(undefined, 1, 12),
    steps
  })

const leaf: FastCheck.Arbitrary<FunctionTree> = FastCheck.record({
  kind: FastCheck.constant("function" as const),
  isKept: FastCheck.boolean(),
  fails: often(false, true, 30),
  steps
})

const tree = (depth: number): FastCheck.Arbitrary<Tree> =>
  depth === 0
    ? FastCheck.oneof({ arbitrary: agent(0), weight: 3 }, { arbitrary: leaf, weight: 1 })
    : FastCheck.oneof(
        { arbitrary: agent(depth), weight: 3 },
        { arbitrary: pattern(depth), weight: 3 },
        { arbitrary: leaf, weight: 1 }
      )

const cut = FastCheck.record({
  by: FastCheck.constantFrom("kill" as const, "interrupt" as const, "nothing" as const),
  /** Appends, or turns of the scheduler. */
  after: FastCheck.oneof(FastCheck.integer({ min: 0, max: 30 }), FastCheck.integer({ min: 0, max: 400 }))
})

export const life = FastCheck.record({
  tree: pattern(3),
  cuts: FastCheck.array(cut, { maxLength: 4 }),
  approver: FastCheck.constantFrom("suspend" as const, "allow" as const, "deny" as const, "mixed" as const),
  /** Which of the questions that wait are left for the next time. */
  left: FastCheck.array(FastCheck.boolean(), { maxLength: 12 }),
  again: FastCheck.boolean()
})
export type Life = typeof life extends FastCheck.Arbitrary<infer A> ? A : never
