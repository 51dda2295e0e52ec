import { assert, describe, it } from "@effect/vitest"
import * as Approval from "axonal/cli/screen/approval"
import * as Keys from "axonal/cli/screen/keys"
import * as Picker from "axonal/cli/screen/picker"
import type { Act, Ask, Open } from "axonal/cli/screen/state"
import * as State from "axonal/cli/screen/state"
import * as Viewport from "axonal/cli/screen/viewport"
import { CallId, RunId, SessionId } from "axonal/domain/Ids"
import type { Question as Call, Decision } from "axonal/guard/Approval"
import type { Question } from "axonal/toolbox/AskUser"

const call = (input: unknown, category?: string): Call => ({
  call: {
    ...{ id: CallId.make("c1"), tool: { name: "shell", origin: "application" }, input, agent: "axonal", turn: 1 },
    ...{ run: RunId.make("r"), session: SessionId.make("s"), identity: {} }
  },
  reason: "it runs a command",
  ...(category === undefined ? undefined : { category })
})

const approval = (
  id: number,
  input: unknown = { command: "ls" },
  category?: string,
  previews: (Ask & { readonly _tag: "Approval" })["previews"] = []
): Ask => ({
  _tag: "Approval",
  id,
  question: call(input, category),
  previews
})

const asked = (question: Partial<Question>): Ask => ({
  _tag: "Question",
  id: 1,
  question: {
    ...{ id: CallId.make("q"), question: "Which?", options: [], multiple: false, allowOther: true },
    from: { agent: "axonal", run: RunId.make("r"), session: SessionId.make("s"), identity: {} },
    ...question
  }
})

/** A screen that is told things one after the other, at a time of its own. */
const screen = (about: Partial<State.About> = {}) => {
  let state = State.first
  let now = 10_000
  const acts: Array<Act> = []
  const step = (event: State.Event) => {
    const [next, todo] = State.step(state, event)
    state = next
    acts.push(...todo)
  }
  const rest = { isEmpty: true, isCompleting: false, isWorking: false, isSelecting: false, height: 0, rows: 0, last: 0 }
  return {
    state: () => state,
    acts: () => acts.splice(0),
    wait: (millis: number) => {
      now += millis
    },
    ask: (ask: Ask) => step({ _tag: "Asked", ask, now }),
    withdraw: (id: number) => step({ _tag: "Withdrawn", id, now }),
    write: (text: string) => step({ _tag: "Written", text, now }),
    open: (open: Open & { readonly _tag: "Picker" | "Sheet" }) => step({ _tag: "Opened", open }),
    press: (data: string, besides: Partial<State.About> = {}) =>
      step({ _tag: "Key", data, about: { ...rest, now, ...about, ...besides } })
  }
}

const decisionsOf = (acts: ReadonlyArray<Act>) =>
  acts.flatMap((act) => (act._tag === "Decided" ? [[act.id, act.decision] as const] : []))

describe("the screen's state", () => {
  it("a card hears no key before it has stood for a while", () => {
    const { acts, ask, press, state, wait } = screen()
    ask(approval(1))
    press("y")
    assert.deepStrictEqual(acts(), [{ _tag: "Type", data: "y" }])
    // Who goes on typing is not looking.
    wait(Approval.quietMillis - 50)
    press("y")
    press("\r")
    wait(Approval.quietMillis - 50)
    press("y")
    assert.deepStrictEqual(decisionsOf(acts()), [])
    wait(Approval.quietMillis)
    press("y")
    assert.deepStrictEqual(acts(), [{ _tag: "Decided", id: 1, decision: { approved: true } }])
    assert.isUndefined(state().open)
  })

  it("the next card is as deaf at first as the one before", () => {
    const { acts, ask, press, state, wait } = screen()
    ask(approval(1))
    ask(approval(2))
    wait(Approval.quietMillis)
    press("y")
    press("y")
    assert.deepStrictEqual(
      decisionsOf(acts()).map(([id]) => id),
      [1]
    )
    const { open } = state()
    assert.strictEqual(open?._tag === "Approval" ? open.ask.id : undefined, 2)
  })

  it("each key of a card answers what it says", () => {
    const answers: ReadonlyArray<readonly [string, Decision]> = [
      ["y", { approved: true }],
      ["Y", { approved: true }],
      ["t", { approved: true, remember: "tool" }],
      ["c", { approved: true, remember: "category" }],
      ["s", { approved: true, remember: "session" }],
      ["d", { approved: false, remember: "tool", reason: "the person does not want shell to be used" }],
      ["\u001b", { approved: false }]
    ]
    for (const [key, decision] of answers) {
      const { acts, ask, press, wait } = screen()
      ask(approval(7, { command: "ls" }, "command:ls"))
      wait(Approval.quietMillis)
      press(key)
      assert.deepStrictEqual(decisionsOf(acts()), [[7, decision]], key)
    }
  })

  it("a plan is agreed to once: no answer holds for other plans", () => {
    const ask = approval(7)
    if (ask._tag !== "Approval") return assert.fail("no approval")
    const { acts, ask: put, press, wait } = screen()
    put({ ...ask, previews: [{ kind: "plan", markdown: "# Plan" }] })
    wait(Approval.quietMillis)
    for (const key of ["t", "c", "s", "d"]) press(key)
    assert.deepStrictEqual(decisionsOf(acts()), [])
    press("y")
    assert.deepStrictEqual(decisionsOf(acts()), [[7, { approved: true }]])
  })

  it("what would be run is not agreed to before its end was seen", () => {
    const { acts, ask, press, state, wait } = screen()
    ask(approval(1, {}, undefined, [{ kind: "command", text: "ls\nrm x", folder: "/", limits: [] }]))
    wait(Approval.quietMillis)
    for (const key of ["y", "t", "s"]) press(key, { last: 12 })
    const { open } = state()
    assert.match(open?._tag === "Approval" ? (open.card.problem ?? "") : "", /there is more of it/)
    press("\u001b[6~", { last: 12 })
    press("y", { last: 12 })
    assert.deepStrictEqual(decisionsOf(acts()), [])
    press("\u001b[6~", { last: 12 })
    press("\u001b[A", { last: 12 })
    press("y", { last: 12 })
    assert.deepStrictEqual(decisionsOf(acts()), [[1, { approved: true }]])
  })

  it("a category that there is not cannot be approved", () => {
    const { acts, ask, press, wait } = screen()
    ask(approval(1))
    wait(Approval.quietMillis)
    press("c")
    assert.deepStrictEqual(acts(), [])
  })

  it("a no takes its reason from the editor", () => {
    const { acts, ask, press, state, wait, write } = screen()
    ask(approval(1))
    wait(Approval.quietMillis)
    press("n")
    assert.isTrue(State.isWriting(state()))
    press("y")
    write(" too much ")
    assert.deepStrictEqual(acts(), [
      { _tag: "Write", text: "" },
      { _tag: "Type", data: "y" },
      { _tag: "Decided", id: 1, decision: { approved: false, reason: "too much" } },
      { _tag: "Unwrite" }
    ])
  })

  it("a command is edited as it is, other arguments as JSON that has to be some", () => {
    const one = screen()
    one.ask(approval(1, { command: "rm x", timeout: 5 }))
    one.wait(Approval.quietMillis)
    one.press("e")
    one.write("rm y")
    assert.deepStrictEqual(one.acts(), [
      { _tag: "Write", text: "rm x" },
      { _tag: "Decided", id: 1, decision: { approved: true, input: { command: "rm y", timeout: 5 } } },
      { _tag: "Unwrite" }
    ])
    const other = screen()
    other.ask(approval(2, { path: "a", content: "b" }))
    other.wait(Approval.quietMillis)
    other.press("e")
    other.write("{ broken")
    const { open } = other.state()
    assert.match(open?._tag === "Approval" ? (open.card.problem ?? "") : "", /^no JSON: /)
    other.write('{"path":"c"}')
    assert.deepStrictEqual(decisionsOf(other.acts()), [[2, { approved: true, input: { path: "c" } }]])
  })

  it("Esc in what is written goes back to the keys", () => {
    const { acts, ask, press, state, wait } = screen()
    ask(approval(1))
    wait(Approval.quietMillis)
    press("e")
    press("\u001b")
    assert.isFalse(State.isWriting(state()))
    assert.deepStrictEqual(acts().at(-1), { _tag: "Unwrite" })
    press("y")
    assert.deepStrictEqual(decisionsOf(acts()), [[1, { approved: true }]])
  })

  it("a question that is withdrawn makes room for the next, and ends what was written for it", () => {
    const { acts, ask, press, state, wait, withdraw } = screen()
    ask(approval(1))
    ask(approval(2))
    wait(Approval.quietMillis)
    press("n")
    withdraw(1)
    assert.deepStrictEqual(acts().at(-1), { _tag: "Unwrite" })
    const { open } = state()
    assert.strictEqual(open?._tag === "Approval" ? open.ask.id : undefined, 2)
    withdraw(2)
    assert.isUndefined(state().open)
  })

  it("options of a question are chosen by number, several by marks", () => {
    const options = [{ label: "a" }, { label: "b" }, { label: "c" }]
    const one = screen()
    one.ask(asked({ options }))
    one.wait(Approval.quietMillis)
    one.press("2")
    assert.deepStrictEqual(one.acts(), [{ _tag: "Answered", id: 1, answer: { chosen: ["b"] } }])
    const several = screen()
    several.ask(asked({ options, multiple: true }))
    several.wait(Approval.quietMillis)
    for (const key of ["3", "1", "\u001b[B", " ", "\r"]) several.press(key)
    assert.deepStrictEqual(several.acts(), [{ _tag: "Answered", id: 1, answer: { chosen: ["a", "b", "c"] } }])
  })

  it("a question without options is answered in words, and Esc leaves it to the model", () => {
    const said = screen()
    said.ask(asked({}))
    said.write("")
    said.write("blue")
    assert.deepStrictEqual(said.acts(), [
      { _tag: "Write", text: "" },
      { _tag: "Answered", id: 1, answer: { other: "blue" } },
      { _tag: "Unwrite" }
    ])
    const left = screen()
    left.ask(asked({}))
    left.press("\u001b")
    assert.deepInclude(left.acts(), { _tag: "Answered", id: 1, answer: undefined })
    assert.isUndefined(left.state().open)
  })

  it("Esc closes what is open before it stops the run", () => {
    const { acts, open, press } = screen({ isWorking: true })
    press("\u001b", { isCompleting: true })
    press("\u001b", { isSelecting: true })
    open({ _tag: "Sheet", scroll: 0 })
    press("\u001b")
    assert.deepStrictEqual(acts(), [
      { _tag: "Type", data: "\u001b" },
      { _tag: "Cards", what: "unselect" }
    ])
    press("\u001b")
    assert.deepStrictEqual(acts(), [{ _tag: "Stop" }])
  })

  it("Ctrl-C clears, leaves within two seconds, and ends at once the third time", () => {
    const { acts, press, wait } = screen()
    const tags = () => acts().map(({ _tag }) => _tag)
    press("\u0003")
    wait(2100)
    press("\u0003")
    assert.deepStrictEqual(tags(), ["Clear", "Clear"])
    wait(1900)
    press("\u0003")
    press("\u0003")
    assert.deepStrictEqual(tags(), ["Leave", "Exit"])
  })

  it("Alt-Enter queues words while a run works, and is a new line otherwise", () => {
    const { acts, press } = screen({ isEmpty: false })
    press("\u001b\r", { isWorking: true })
    press("\u0011", { isWorking: true })
    press("\u001b\r")
    assert.deepStrictEqual(acts(), [
      { _tag: "Submit", how: "queue" },
      { _tag: "Submit", how: "queue" },
      { _tag: "Type", data: "\u001b\r" }
    ])
  })

  it("Ctrl-D and ? mean something only where no words are", () => {
    const { acts, press, state } = screen()
    press("\u0004", { isEmpty: false })
    press("?", { isEmpty: false })
    press("\u0004")
    press("?")
    assert.deepStrictEqual(acts(), [{ _tag: "Type", data: "\u0004" }, { _tag: "Type", data: "?" }, { _tag: "Leave" }])
    assert.strictEqual(state().open?._tag, "Sheet")
  })

  it("a list is searched by typing, and what is chosen is a command", () => {
    const { acts, open, press, state } = screen()
    const items = ["alpha", "beta", "gamma"].map((label) => ({ value: label, label }))
    open({
      _tag: "Picker",
      picker: Picker.make("which", items),
      chosen: (value) => ({ _tag: "Command", line: `/model ${value}` })
    })
    for (const key of ["g", "x", "\u007f", "\r"]) press(key)
    assert.deepStrictEqual(acts(), [{ _tag: "Command", line: "/model gamma" }])
    assert.isUndefined(state().open)
  })

  it("what is read stays in place until the end is reached again", () => {
    const { press, state } = screen({ height: 100, rows: 20 })
    press("\u001b[5~")
    assert.deepStrictEqual(state().viewport, { top: 62 })
    press("\u001b[6~")
    assert.deepStrictEqual(state().viewport, Viewport.end)
    press("\u001b[1;5H")
    assert.deepStrictEqual(Viewport.seen(state().viewport, 100, 20), { from: 0, to: 20, below: 80 })
    assert.deepStrictEqual(Viewport.showing({ top: 0 }, [30, 33], 100, 20), { top: 13 })
  })

  it("every key is in the table once for each place, and in the help", () => {
    for (const [place] of Keys.places) {
      const own = Keys.all.filter(({ isEditor, where }) => where === place && isEditor !== true)
      const keys = own.flatMap(({ keys }) => keys)
      assert.strictEqual(new Set(keys).size, keys.length, place)
      assert.strictEqual(Keys.sheet(place).length, Keys.all.filter(({ where }) => where === place).length)
    }
    assert.strictEqual(Keys.nameOf("ctrl+q"), "Ctrl-Q")
  })
})
