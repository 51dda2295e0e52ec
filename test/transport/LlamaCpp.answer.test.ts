import { join } from "node:path"
import * as Message from "../../src/domain/Message.ts"
import { transport as suite } from "../../src/testing/internal/transportSuite.ts"
import * as LlamaCpp from "../../src/transport/LlamaCpp.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Tiny from "../support/tinyGguf.ts"

const directory = Tiny.directory()
const obstacle = await Tiny.obstacle()
const hola = Tiny.write(join(directory, "hola.gguf"), { says: [..."Hola!"], contextLength: 4096 })
const common = { gpu: false, threads: 1, sequences: 2 } as const

const paint: Transport.ToolSpec = {
  name: "paint",
  description: "Paints",
  inputSchema: { type: "object", properties: { color: { enum: ["red", "green"] } }, required: ["color"] }
}

if (obstacle === undefined) {
  suite("llama.cpp", LlamaCpp.layer({ ...common, modelPath: hola }), {
    text: Transport.request({ messages: [Message.user("Hello")] }),
    toolCall: Transport.request({ messages: [Message.user("Hello")], tools: [paint], toolChoice: "required" }),
    failing: [
      Transport.request({ messages: [Message.user("x".repeat(5000))] }),
      Transport.request({ messages: [Message.user("Hello")], toolChoice: "required" })
    ]
  })
}
