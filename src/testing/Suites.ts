export { contextStore } from "./internal/contextStoreSuite.ts"
