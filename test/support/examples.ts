/** The examples, ready to run offline, and what each prints. */
import { Effect } from "effect"
import * as Hello from "../../examples/01_hello.ts"
import * as Tools from "../../examples/02_tools.ts"
import * as Streaming from "../../examples/03_streaming.ts"
import * as Guards from "../../examples/04_guards_and_approval.ts"
import * as Stores from "../../examples/05_context_stores.ts"
import * as Compaction from "../../examples/06_compaction.ts"
import * as Fallback from "../../examples/07_transports_and_fallback.ts"
import * as Hooks from "../../examples/08_hooks_and_tracing.ts"
import * as Expenses from "../../examples/09_structured_output.ts"
import * as Newspaper from "../../examples/10_subagents.ts"
import * as Patterns from "../../examples/11_patterns.ts"
import * as Archive from "../../examples/12_mcp.ts"
import * as Mechanic from "../../examples/13_sandbox.ts"
import * as Parrots from "../../examples/15_your_own_transport.ts"
import * as Cards from "../../examples/16_your_own_context_store.ts"
import * as Flight from "../../examples/17_tools_in_flight.ts"
import * as ToolSelection from "../../examples/18_tool_selection.ts"
import * as Budgets from "../../examples/19_limits_and_budgets.ts"
import * as Bank from "../../examples/20_your_own_guard.ts"
import * as Maintainer from "../../examples/23_skills.ts"
import * as Magazine from "../../examples/24_board.ts"
import * as Bridge from "../../examples/25_chain_and_parallel.ts"
import * as Desks from "../../examples/26_router_and_handoff.ts"
import * as Bakery from "../../examples/27_evaluator_and_planner.ts"
import * as Manual from "../../examples/28_team.ts"
import * as Help from "../../examples/29_your_own_pattern.ts"
import * as McpLibrary from "../../examples/30_mcp_server.ts"
import * as Words from "../../examples/31_your_own_tool.ts"

const museum = [
  "In room 12, with Vermeer.",
  "  branch of 6 entries: I like Dutch painters.",
  "  branch of 4 entries: Or should I see the Italians?",
  "  Saturday: I like Dutch painters. (6 entries)",
  "  found: assistant: In room 12, with Vermeer."
]

/** Every example, ready to run offline, and what it prints. */
export const examples: Readonly<Record<string, readonly [Effect.Effect<unknown, unknown>, ReadonlyArray<string>]>> = {
  "01_hello.ts": [Effect.provide(Hello.program, Hello.layer), ["I said: ", "Hello, Alice!"]],
  "02_tools.ts": [
    Effect.provide(Tools.program, Tools.layer),
    [
      "invalid stock_level: Invalid arguments for tool stock_level:",
      `- sku: Expected a number like TEA-100, actual "tea"`,
      "Call it again with arguments that match its schema.",
      `ok stock_level: {"sku":"TEA-100","pieces":3}`,
      `failed reserve: OutOfStock: { "sku": "TEA-100", "left": 3 }`,
      "ok reserve: 5 × TEA-250 reserved",
      "Five packs of TEA-250 are reserved."
    ]
  ],
  "03_streaming.ts": [
    Effect.provide(Streaming.program, Streaming.layer),
    [
      "(I have to read it first)",
      "> read_book",
      "> Harbour",
      "> Storm",
      "> Island",
      "A sailor ",
      "loses his ship ",
      "and finds an island.",
      "Three.",
      "[completed after 3 turns]",
      "21 events, and the last answer was: Three."
    ]
  ],
  "04_guards_and_approval.ts": [
    Effect.provide(Guards.program, Guards.layer),
    [
      "20 paid back for A-1",
      "80 paid back for A-3",
      "A-1 and A-3 are paid back, A-2 and A-4 are not.",
      "waiting: 60 is more than 50, 70 is more than 50",
      "60 paid back for B-1",
      "B-1 is paid back, B-2 was never ordered."
    ]
  ],
  "05_context_stores.ts": [
    Effect.provide(Stores.program, Stores.layer),
    ["In memory", ...museum, "In a file, written by one connection and read by the next", ...museum]
  ],
  "06_compaction.ts": [
    Effect.provide(Compaction.program, Compaction.layer),
    [
      "user: I want oak fronts.",
      `planner: Oak it is. ${"Oak is hard and warm. ".repeat(20)}`,
      "user: What about the floor?",
      "planner: Stone, I would say.",
      "user: And now?",
      "(out of sight: I want oak fronts. | Oak it is. Oak is h…)",
      "(3 messages summarised, at 1013 tokens)",
      "planner: Now we choose a sink.",
      "11 entries in the log, 4 messages in the window",
      "12 entries in the log, 6 messages in the window"
    ]
  ],
  "07_transports_and_fallback.ts": [
    Effect.provide(Fallback.program, Fallback.layer),
    ["scripted first: Overloaded: scripted. The vendor has trouble; try again later.", "Moby-Dick. (0.006 dollars)"]
  ],
  "08_hooks_and_tracing.ts": [
    Effect.provide(Hooks.program, Hooks.layer),
    [
      "look_up answered: 77 pays by card [card]",
      "completed, 2 turns, 10 tokens out",
      "By card.",
      "chat scripted in invoke_agent desk",
      "execute_tool look_up in invoke_agent desk",
      "chat scripted in invoke_agent desk",
      "invoke_agent desk in nothing"
    ]
  ],
  "09_structured_output.ts": [
    Effect.provide(Expenses.program, Expenses.layer),
    [
      "2026 Tea House: 8.4 (2 turns)",
      `{"_tag":"Unreadable"}`,
      "wrong: ",
      "- why: is missing",
      `{"_tag":"Unreadable"}`,
      `{"_tag":"Unreadable","why":"The picture "}`,
      `{"_tag":"Unreadable","why":"The picture is blurred."}`,
      "tea and cake"
    ]
  ],
  "10_subagents.ts": [
    Effect.provide(Newspaper.program, Newspaper.layer),
    [
      "editor begins",
      "> researcher",
      "  researcher begins",
      "  > search",
      `  researcher: {"facts":["opened 1883","rebuilt 1954"]}`,
      "> write",
      "  reporter begins",
      "  reporter: The bridge opened in 1883 and was rebuilt in 1954.",
      "> start_agent",
      "  checker begins",
      "  checker: Yes, 1883.",
      "> write",
      "  reporter begins",
      "  reporter: Bridge: 1883, 1954.",
      "editor: Printed."
    ]
  ],
  "11_patterns.ts": [
    Effect.provide(Patterns.program, Patterns.layer),
    [
      "chain: Bridge open (editor)",
      "parallel: The bridge is open / A ridge, a bridge (parallel)",
      "router: The bridge is open (reporter)",
      "pages: Bridge + The (pages)",
      "debate: Bridge (editor)",
      "evaluator: It opens (editor)",
      "loop: Open (editor)",
      "lead: The paper is ready (lead)"
    ]
  ],
  "12_mcp.ts": [
    Effect.provide(Archive.program, Archive.layer),
    [
      ".mcp.json: weather headers.authorization the environment variable WEATHER_TOKEN is not set",
      "? archive__create_entities comes from outside this program",
      "ok: archive__create_entities",
      "It is in the archive.",
      "archive: connected, 11 tools",
      "weather: error, Malformed",
      `{ "entities": [ { "name": "Ada", "entityType": "captain", "observations": [ "moored here in 1883" ] } ], "relations": [] }`
    ]
  ],
  "13_sandbox.ts": [
    Effect.provide(Mechanic.program, Mechanic.layer),
    [
      "search_files: sum.sh",
      "    1: echo $(($1 - $2))",
      "may it? edit_file may destroy something",
      "edit_file: Changed sum.sh (+1 -1 lines).",
      "@@ -1,1 +1,1 @@",
      "-echo $(($1 - $2))",
      "+echo $(($1 + $2))",
      "may it? shell may destroy something",
      "shell: 5",
      "It added with a minus.",
      "exited with 0: 42"
    ]
  ],
  "15_your_own_transport.ts": [Effect.provide(Parrots.program, Parrots.layer), ["Ahoy there! (2 words)"]],
  "16_your_own_context_store.ts": [
    Effect.provide(Cards.program, Cards.layer),
    [
      "user: Charge card ending in 1234 again, please.",
      "assistant: Done: the card ending in 1234 was charged.",
      "0 messages with 4111"
    ]
  ],
  "17_tools_in_flight.ts": [
    Effect.provide(Flight.program, Flight.layer),
    [
      `  {"key":"review","text":"A quiet film "}`,
      `  {"key":"review","text":"about the sea."}`,
      `ok review: {"film":"Harbour","words":6}`,
      "ok seats: 12",
      "ok seats: 12",
      "ok plan: 1 ....",
      "2 ....",
      "3 ....",
      "4 ....",
      "5 xxxx",
      "ok reserve: 2 seats are yours until seven.",
      "completed: 2 seats are yours until seven."
    ]
  ],
  "18_tool_selection.ts": [
    Effect.provide(ToolSelection.program, ToolSelection.layer),
    [
      "search: May I park here?",
      "  opening_hours, search_tools",
      "  opening_hours, search_tools, parking_permit",
      "  opening_hours, search_tools, parking_permit",
      "words: My passport, and a parking permit",
      "  opening_hours, renew_passport, parking_permit",
      "model: They are so loud!",
      "  report_noise",
      "rules: Good morning",
      "  opening_hours, renew_passport, parking_permit, report_noise",
      "only",
      "  opening_hours"
    ]
  ],
  "19_limits_and_budgets.ts": [
    Effect.provide(Budgets.program, Budgets.layer),
    [
      "5 pages on Acorn",
      "5 pages on Birch",
      "9 pages on Cedarwood",
      "Cedarwood. [completed]",
      "ann: 0.25 dollars left",
      "No money is left today. Answer without a report.",
      "I cannot say. [completed]",
      "bob: 1.2 dollars left"
    ]
  ],
  "20_your_own_guard.ts": [
    Effect.provide(Bank.program, Bank.layer),
    [
      "Pay Ann 700, Bob 50 and Mallory 5. My card is [redacted card].",
      `would be Rewrite: {"to":"Ann","amount":500}`,
      "denied: Denied: the judge refuses it (money): nobody knows Mallory",
      "ok: 500 sent to Ann",
      "ok: 50 sent to Bob",
      "[redacted email] knows."
    ]
  ],
  "23_skills.ts": [
    Effect.provide(Maintainer.program, Maintainer.layer),
    [
      `ok: <skill name="changelog-entry">`,
      "ok: # Which kind a change is",
      `failed: The file "scripts/next-version.mjs" of the skill changelog-entry: scripts do not run here, for want of a sandbox: read it with read_skill_file, or do without it.`,
      "0.5.0, breaking: Rename `open` to `connect`; call `connect` instead.",
      "[changelog-entry, farewell]",
      `ok: <skill name="farewell">`,
      "Fair winds!",
      "[changelog-entry]",
      "farewell, line 3: a text contains a colon and a space: put it in quotes"
    ]
  ],
  "24_board.ts": [
    Effect.provide(Magazine.program, Magazine.layer),
    [
      "One story. One cover.",
      "printed by printer 2, attempt 2",
      "printer 1: LeaseLost",
      "  story: Pu-erh.",
      "  cover: Oolong!",
      "  print: 500 copies"
    ]
  ],
  "25_chain_and_parallel.ts": [
    Effect.provide(Bridge.program, Bridge.layer),
    [
      "3",
      "## cyclist",
      "",
      "It is quiet.",
      "",
      "## grocer",
      "",
      "Nobody comes.",
      "Some win.",
      "Shut!",
      "2 of 3 are for it",
      "Twice.",
      "Yes."
    ]
  ],
  "26_router_and_handoff.ts": [
    Effect.provide(Desks.program, Desks.layer),
    [
      "shop > trains: At 7:04.",
      "shop > host: Sorry, no.",
      "typed > refunds: How much?",
      "byWords > refunds: Here it is.",
      "refunds: I pay it back.",
      "refunds: Gladly.",
      "discreet > refunds: Here you are.",
      "To Oslo at 9:31."
    ]
  ],
  "27_evaluator_and_planner.ts": [
    Effect.provide(Bakery.program, Bakery.layer),
    [
      "draft-1 copywriter: The best bread of the whole world",
      `judge-1 judges: {"value":0.3,"passed":false,"feedback":"short: 33 characters, of 30\\ntone: A superlative."}`,
      "draft-2 copywriter: Warm bread, open doors",
      `judge-2 judges: {"value":1,"passed":true,"feedback":"tone: Warm."}`,
      " slogan: Warm bread, open doors",
      "Bake -> 6-20 bake: Too late.",
      "Bake, Clean -> 6-12 bake, 12-14 clean: passed"
    ]
  ],
  "28_team.ts": [
    Effect.provide(Manual.program, Manual.layer),
    [
      "checker: read_*",
      "editor: read_page, write_page",
      "reviewer: read_page",
      "reviewer: Say “pour” for “infuse”.",
      "editor · delegate · ok Say “pour” for “infuse”.",
      "checker · read_page · ok Infuse the leaves with water of 140 degrees.",
      "checker: Water boils at 100 degrees; tea wants 80.",
      "editor · delegate · ok Water boils at 100 degrees; tea wants 80.",
      "editor · write_page · denied Denied: The license stays.",
      "editor · write_page · ok ",
      "editor: It is now.",
      "Pour water of 80 degrees over the leaves."
    ]
  ],
  "29_your_own_pattern.ts": [
    Effect.provide(Help.program, Help.layer),
    ["desk: From eight to five.", "writer: TransportError", "writer: We come and look at the pump."]
  ],
  "30_mcp_server.ts": [
    Effect.provide(McpLibrary.program, McpLibrary.layer),
    [`2: {"title":"Momo","shelf":"K 4"}`, "3: Momo, by Michael Ende."]
  ],
  "31_your_own_tool.ts": [
    Effect.provide(Words.program, Words.layer),
    [
      "… a.txt is counted",
      'ok: {"a.txt":3}',
      "failed: b.txt cannot be counted: wc: b.txt: not there",
      "The first has three words."
    ]
  ]
}
