export { type BoardSuiteOptions, board } from "./internal/boardSuite.ts"
export { type ContextStoreSuiteOptions, contextStore } from "./internal/contextStoreSuite.ts"
export { type GuardSuiteOptions, guard } from "./internal/guardSuite.ts"
export { type TransportSuiteOptions, transport } from "./internal/transportSuite.ts"
