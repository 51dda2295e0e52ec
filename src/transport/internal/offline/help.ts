/**
 * What this transport says of itself: what its rules understand that the declared tools can do, by requests that work as they
 * stand.
 */
import { user } from "../../../domain/Message.ts"
import { tasks } from "./plan.ts"
import type { Declared } from "./tools.ts"

const opening =
  "I am the offline transport: a few rules, no language model and no network. I read plain words and call the tools of this" +
  " program. Try, as it stands:"

const connecting = "For real answers set OPENAI_API_KEY (or OPENAI_BASE_URL), or start Ollama."

const requests = [
  "list the files",
  "read README.md and tell me what this is",
  "2*(3+4)",
  'create notes.txt with "hello"',
  'replace "hello" with "good morning" in notes.txt',
  'append "see you tomorrow" to notes.txt',
  "run ls -la",
  "plan: look around, write it down, rest",
  "ask an agent to count the files",
  "fetch https://example.com"
]

/** The introduction. */
export const introduce = (tools: ReadonlyArray<Declared>): string => {
  const able = requests.filter((text) => isServed(text, tools))
  return [
    opening,
    able.length === 0
      ? "(nothing: no tool of this program does what I know)"
      : able.map((text) => `- \`${text}\``).join("\n"),
    toolsOf(tools),
    connecting
  ].join("\n\n")
}

// internal

/** Their names are worth telling only where they are few. */
const toolsOf = (tools: ReadonlyArray<Declared>): string => {
  if (tools.length === 0) return "No tools are declared in this request."
  const some = tools.length > 10 ? "" : ` Tools declared here: ${tools.map(({ name }) => name).join(", ")}.`
  return `Several wishes in one request are fine, and so is a tool by its name.${some}`
}

const isServed = (text: string, tools: ReadonlyArray<Declared>): boolean =>
  tasks({ messages: [user(text)], tools, toolChoice: "auto" }).every(({ _tag }) => _tag === "Call")
