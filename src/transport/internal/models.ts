/**
 * What is known about current models. Facts only, one model a line, and read when the first one is looked for.
 *
 * Source: https://models.dev (MIT), its repository at 2026-07-02, and for what came or changed since then its entries and
 * those of its forks up to 2026-10-07; which models of Anthropic and Mistral bind answers to a schema, and that those of
 * OpenAI which see pictures read PDF, is from their own documentation. Written by `.ci/models.mjs`. Read 2026-11-21.
 *
 * Where a price depends on what a registry cannot know, the higher one stands here: DeepSeek at peak hours, Mistral Large
 * 4 after its preview. Gemini 3.8 Flash costs twice as much from 2027 on.
 */
import type { Capability, ModelInfo, Price } from "../../domain/ModelInfo.ts"

/**
 * The models, newest first within each vendor.
 *
 * **Details**
 *
 * - `# vendor` begins the models of a vendor. A line is: id, context window, output limit, capabilities, prices in US
 *   dollars per million tokens for input, output, cache reads and cache writes; then the number of input tokens above
 *   which other prices hold, and these. `-` is unknown, and so is what is missing at the end.
 * - Capabilities: t tools, r reasoning, s structured output, i image, a audio, v video, f file (PDF) in; I image, A audio
 *   out.
 *
 * @category models
 * @since 0.1.0
 */
export const table = `
# openai
gpt-6.1-sol 1050000 128000 trsif 2 10 0.1 2.5 272000 4 15 0.2 5
gpt-6-luna 1050000 128000 trsif 0.1 0.5 0.01 0.125 272000 0.2 0.75 0.02 0.25
gpt-6-sol 1050000 128000 trsif 2 10 0.2 2.5 272000 4 15 0.4 5
gpt-6-astra 1050000 128000 trsif 10 50 1 12.5 272000 20 75 2 25
gpt-5.6-luna 1050000 128000 trsif 0.2 1.2 0.02 0.25 272000 0.4 1.8 0.04 0.5
gpt-5.6-sol 1050000 128000 trsif 4 20 0.4 5 272000 8 30 0.8 10
gpt-5.6-terra 1050000 128000 trsif 2 12 0.2 2.5 272000 4 18 0.4 5
gpt-5.5 1050000 128000 trsif 5 30 0.5 - 272000 10 45 1
gpt-5.5-pro 1050000 128000 trsif 30 180 - - 272000 60 270
gpt-5.4-mini 400000 128000 trsif 0.75 4.5 0.075
gpt-5.4-nano 400000 128000 trsif 0.2 1.25 0.02
gpt-5.4 1050000 128000 trsif 2.5 15 0.25 - 272000 5 22.5 0.5
gpt-5.4-pro 1050000 128000 trif 30 180 - - 272000 60 270
gpt-5.3-chat-latest 128000 16384 tsif 1.75 14 0.175
gpt-5.3-codex 400000 128000 trsif 1.75 14 0.175
gpt-5.3-codex-spark 128000 32000 trsif 1.75 14 0.175
gpt-5.2 400000 128000 trsif 1.75 14 0.175
gpt-5.2-chat-latest 128000 16384 trsif 1.75 14 0.175
gpt-5.2-codex 400000 128000 trsif 1.75 14 0.175
gpt-5.2-pro 400000 128000 trif 21 168
gpt-5.1 400000 128000 trsif 1.25 10 0.125
gpt-5.1-chat-latest 128000 16384 trsif 1.25 10 0.125
gpt-5.1-codex 400000 128000 trsif 1.25 10 0.125
gpt-5.1-codex-max 400000 128000 trsif 1.25 10 0.125
gpt-5.1-codex-mini 400000 128000 trsif 0.25 2 0.025
gpt-5-pro 400000 272000 trsif 15 120
gpt-5-codex 400000 128000 trsif 1.25 10 0.125
gpt-5 400000 128000 trsif 1.25 10 0.125
gpt-5-chat-latest 400000 128000 rsif 1.25 10 0.125
gpt-5-mini 400000 128000 trsif 0.25 2 0.025
gpt-5-nano 400000 128000 trsif 0.05 0.4 0.005
o3-pro 200000 100000 trsif 20 80
o3 200000 100000 trsif 2 8 0.5
o4-mini 200000 100000 trsif 1.1 4.4 0.275
gpt-4.1 1047576 32768 tsif 2 8 0.5
gpt-4.1-mini 1047576 32768 tsif 0.4 1.6 0.1
gpt-4.1-nano 1047576 32768 tsif 0.1 0.4 0.025
o1-pro 200000 100000 trsif 150 600
o3-mini 200000 100000 trs 1.1 4.4 0.55
o1 200000 100000 trsif 15 60 7.5
gpt-4o-mini 128000 16384 tsif 0.15 0.6 0.075
o3-deep-research 200000 100000 trif 10 40 2.5
o4-mini-deep-research 200000 100000 trif 2 8 0.5
gpt-4o 128000 16384 tsif 2.5 10 1.25
gpt-4o-2024-05-13 128000 4096 tsif 5 15
# anthropic
claude-haiku-5-5 1000000 128000 trsif 0.1 0.5 0.01 0.125 100000 0.5 2.5 0.05 0.625
claude-sonnet-5-5 1000000 128000 trsif 2 10 0.1 2.5
claude-opus-5-5 1000000 128000 trsif 4 20 0.2 5
claude-fable-5-1 1000000 128000 trsif 10 50 0.25 12.5
claude-opus-5 1000000 128000 trsif 5 25 0.5 6.25
claude-sonnet-5 1000000 128000 trsif 2 10 0.2 2.5
claude-fable-5 1000000 128000 trsif 10 50 1 12.5
claude-opus-4-8 1000000 128000 trsif 5 25 0.5 6.25
claude-opus-4-7 1000000 128000 trsif 5 25 0.5 6.25
claude-sonnet-4-6 1000000 64000 trsif 3 15 0.3 3.75
claude-opus-4-6 1000000 128000 trsif 5 25 0.5 6.25
claude-opus-4-5 200000 64000 trsif 5 25 0.5 6.25
claude-haiku-4-5 200000 64000 trsif 1 5 0.1 1.25
claude-sonnet-4-5 200000 64000 trsif 3 15 0.3 3.75
claude-opus-4-1 200000 32000 trsif 15 75 1.5 18.75
claude-opus-4-0 200000 32000 trif 15 75 1.5 18.75
claude-opus-4-20250514 200000 32000 trif 15 75 1.5 18.75
claude-sonnet-4-0 200000 64000 trif 3 15 0.3 3.75
claude-sonnet-4-20250514 200000 64000 trif 3 15 0.3 3.75
# google
gemini-3.8-flash 1048576 65536 trsiavf 0.75 3.75 0.075
gemini-3.7-flash 1048576 65536 trsiavf 1.5 7.5 0.15
gemini-3.5-flash 1048576 65536 trsiavf 1.5 9 0.15
gemini-3.1-flash-lite 1048576 65536 trsiavf 0.25 1.5 0.025
gemma-4-26b-a4b-it 262144 32768 trsi
gemma-4-31b-it 262144 32768 trsi
gemini-3.1-flash-image-preview 65536 65536 rifI 0.5 60
gemini-3.1-pro-preview 1048576 65536 trsiavf 2 12 0.2 - 200000 4 18 0.4
gemini-3.1-pro-preview-customtools 1048576 65536 trsiavf 2 12 0.2 - 200000 4 18 0.4
gemini-3-flash-preview 1048576 65536 trsiavf 0.5 3 0.05
gemini-3-pro-image-preview 131072 32768 riI 2 120
gemini-2.5-flash-image 32768 32768 riI 0.3 30 0.075
gemini-2.5-flash 1048576 65536 trsiavf 0.3 2.5 0.03
gemini-2.5-flash-lite 1048576 65536 trsiavf 0.1 0.4 0.01
gemini-2.5-pro 1048576 65536 trsiavf 1.25 10 0.125 - 200000 2.5 15 0.25
# xai
grok-4.7 500000 500000 trsif 2 6 0.5 - 200000 4 12 1
grok-4.6 500000 500000 trsif 2 6 0.5 - 200000 4 12 1
grok-4.3 1000000 30000 trsif 1.25 2.5 0.2 - 200000 2.5 5 0.4
grok-build-0.1 256000 256000 trsif 1 2 0.2 - 200000 2 4 0.4
grok-4.20-0309-non-reasoning 1000000 30000 tsif 1.25 2.5 0.2 - 200000 2.5 5 0.4
grok-4.20-0309-reasoning 1000000 30000 trsif 1.25 2.5 0.2 - 200000 2.5 5 0.4
grok-4.20-multi-agent-0309 1000000 30000 rsif 1.25 2.5 0.2 - 200000 2.5 5 0.4
# mistral
mistral-large-4 1048576 262144 trsi 1.36 4.18 0.14
mistral-medium-2604 262144 262144 trsi 1.5 7.5
mistral-small-2603 256000 256000 trsi 0.15 0.6
mistral-small-latest 256000 256000 trsi 0.15 0.6
mistral-medium-2508 262144 262144 tsi 0.4 2
mistral-medium-latest 262144 262144 tsi 0.4 2
mistral-small-2506 128000 16384 tsi 0.1 0.3
mistral-medium-2505 131072 131072 tsi 0.4 2
magistral-medium-latest 128000 16384 trs 2 5
magistral-small 128000 128000 trs 0.5 1.5
mistral-large-2411 131072 16384 ts 2 6
mistral-large-2512 262144 262144 tsi 0.5 1.5
mistral-large-latest 262144 262144 tsi 0.5 1.5
pixtral-large-latest 128000 128000 tsi 2 6
ministral-3b-latest 128000 128000 ts 0.04 0.04
ministral-8b-latest 128000 128000 ts 0.1 0.1
pixtral-12b 128000 128000 tsi 0.15 0.15
mistral-nemo 128000 128000 ts 0.15 0.15
codestral-latest 256000 4096 ts 0.3 0.9
open-mixtral-8x22b 64000 64000 t 2 6
open-mixtral-8x7b 32000 32000 t 0.7 0.7
open-mistral-7b 8000 8000 t 0.25 0.25
# deepseek
deepseek-flash 1000000 393216 trsi 0.3 1.2 0.006
deepseek-v4-flash 1000000 393216 trsi 0.3 1.2 0.006
deepseek-v4-pro 1000000 384000 trs 1.32 3.96 0.044
# groq
qwen/qwen3.8-27b 131042 16384 trsi 0.8 4 0.4
groq/compound 131072 8192 none
groq/compound-mini 131072 8192 none
openai/gpt-oss-120b 131072 65536 trs 0.15 0.6 0.075
openai/gpt-oss-20b 131072 65536 trs 0.075 0.3 0.0375
qwen/qwen3-32b 131072 40960 tr 0.29 0.59
meta-llama/llama-4-scout-17b-16e-instruct 131072 8192 tsi 0.11 0.34
llama-3.3-70b-versatile 131072 32768 t 0.59 0.79
llama-3.1-8b-instant 131072 131072 t 0.05 0.08
# together
zai-org/GLM-5.2 262144 164000 trs 1.4 4.4 0.26
moonshotai/Kimi-K2.7-Code 262144 131072 trs 0.95 4 0.19
MiniMaxAI/MiniMax-M3 524288 250000 trsi 0.3 1.2 0.06
nvidia/nemotron-3-ultra-550b-a55b 512300 512300 trs 0.6 3.6 0.2
Qwen/Qwen3.7-Max 1000000 500000 t 1.25 3.75
Qwen/Qwen3.6-Plus 1000000 500000 tr 0.5 3
deepseek-ai/DeepSeek-V4-Pro 512000 384000 trs 1.74 3.48 0.2
moonshotai/Kimi-K2.6 262144 131000 trsiv 1.2 4.5 0.2
google/gemma-4-31B-it 262144 131072 trsi 0.39 0.97
pearl-ai/gemma-4-31b-it 32000 32000 r 0.28 0.86
zai-org/GLM-5.1 202752 131072 trs 1.4 4.4
MiniMaxAI/MiniMax-M2.7 202752 131072 trs 0.3 1.2 0.06
Qwen/Qwen3.5-9B 262144 65536 trsi 0.17 0.25
LiquidAI/LFM2-24B-A2B 32768 32768 none 0.03 0.12
Qwen/Qwen3.5-397B-A17B 262144 130000 tri 0.6 3.6
zai-org/GLM-5 202752 131072 trs 1 3.2
essentialai/Rnj-1-Instruct 32768 32768 t 0.15 0.15
deepcogito/cogito-v2-1-671b 163840 163840 r 1.25 1.25
openai/gpt-oss-120b 131072 131072 tr 0.15 0.6
openai/gpt-oss-20b 131072 131072 trs 0.05 0.2
Qwen/Qwen3-235B-A22B-Instruct-2507-tput 262144 262144 t 0.2 0.6
google/gemma-3n-E4B-it 32768 32768 s 0.06 0.12
meta-llama/Llama-3.3-70B-Instruct-Turbo 131072 131072 t 0.88 0.88
Qwen/Qwen2.5-7B-Instruct-Turbo 32768 32768 ts 0.3 0.3
meta-llama/Meta-Llama-3-8B-Instruct-Lite 8192 8192 none 0.14 0.14
# cerebras
qwen-3.8-27b 65536 32768 trsi 0.99 1.49
zai-glm-4.7 131072 40960 trs 2.25 2.75
gpt-oss-120b 131072 40960 trs 0.35 0.75
# fireworks
accounts/fireworks/models/glm-5p2 1048575 131072 tr 1.4 4.4 0.26
accounts/fireworks/models/kimi-k2p7-code 262000 262000 tri 0.95 4 0.19
accounts/fireworks/models/minimax-m3 512000 512000 tr 0.3 1.2 0.06
accounts/fireworks/models/qwen3p7-plus 262144 65536 tri 0.4 1.6 0.08
accounts/fireworks/models/deepseek-v4-flash 1000000 384000 trs 0.14 0.28 0.028
accounts/fireworks/models/deepseek-v4-pro 1000000 384000 trs 1.74 3.48 0.145
accounts/fireworks/models/kimi-k2p6 262000 262000 tri 0.95 4 0.16
accounts/fireworks/routers/kimi-k2p6-turbo 262000 262000 tri 2 8 0.3
accounts/fireworks/models/minimax-m2p7 196608 196608 tr 0.3 1.2 0.06
accounts/fireworks/models/glm-5p1 202800 131072 tr 1.4 4.4 0.26
accounts/fireworks/models/gpt-oss-120b 131072 32768 tr 0.15 0.6 0.015
accounts/fireworks/models/gpt-oss-20b 131072 32768 tr 0.07 0.3 0.035
# moonshot
kimi-k3 1048576 1048576 trsiv 3 15 0.3
kimi-k2.7-code 262144 262144 trsiv 0.95 4 0.19
kimi-k2.7-code-highspeed 262144 262144 trsiv 1.9 8 0.38
kimi-k2.6 262144 262144 trsiv 0.95 4 0.16
kimi-k2.5 262144 262144 trsiv 0.6 3 0.1
kimi-k2-thinking 262144 262144 tr 0.6 2.5 0.15
kimi-k2-thinking-turbo 262144 262144 tr 1.15 8 0.15
kimi-k2-0905-preview 262144 262144 t 0.6 2.5 0.15
kimi-k2-turbo-preview 262144 262144 t 2.4 10 0.6
kimi-k2-0711-preview 131072 16384 t 0.6 2.5 0.15
# zai
glm-5.2 1000000 131072 trs 1.4 4.4 0.26
glm-5.1 200000 131072 trs 1.4 4.4 0.26
glm-5v-turbo 200000 131072 trivf 1.2 4 0.24
glm-5-turbo 200000 131072 trs 1.2 4 0.24
glm-5 204800 131072 tr 1 3.2 0.2
glm-4.7-flash 200000 131072 tr 0 0
glm-4.7-flashx 200000 131072 tr 0.07 0.4 0.01
glm-4.7 204800 131072 tr 0.6 2.2 0.11
glm-4.6v 128000 32768 triv 0.3 0.9
glm-4.6 204800 131072 tr 0.6 2.2 0.11
glm-4.5v 64000 16384 triv 0.6 1.8
glm-4.5 131072 98304 tr 0.6 2.2 0.11
glm-4.5-air 131072 98304 tr 0.2 1.1 0.03
glm-4.5-flash 131072 98304 tr 0 0
# qwen
qwen3.7-plus 1000000 65536 triv 0.5 3 0.05 0.625 256000 2 6 0.2 2.5
qwen3.7-max 1000000 65536 tr 2.5 7.5 0.5 3.125
qwen3.6-flash 1000000 65536 trsiv 0.1875 1.125 - 0.234375
qwen3.6-27b 262144 65536 trsiav 0.6 3.6
qwen3.6-max-preview 262144 65536 tr 1.3 7.8 0.13 1.625
qwen3.6-35b-a3b 262144 65536 trsiav 0.248 1.485
qwen3.6-plus 1000000 65536 triv 0.5 3 0.05 0.625 256000 2 6 0.2 2.5
qwen3.5-122b-a10b 262144 65536 trsiav 0.4 3.2
qwen3.5-27b 262144 65536 trsiav 0.3 2.4
qwen3.5-35b-a3b 262144 65536 trsiav 0.25 2
qwen3.5-plus 1000000 65536 triv 0.4 2.4
qwen3.5-397b-a17b 262144 65536 trsiav 0.6 3.6
qwen3-max 262144 65536 t 1.2 6
qwen3-vl-plus 262144 32768 tri 0.2 1.6
qwen3-omni-flash 65536 16384 triavA 0.43 1.66
qwen3-next-80b-a3b-instruct 131072 32768 t 0.5 2
qwen3-next-80b-a3b-thinking 131072 32768 tr 0.5 6
qwen-flash 1000000 32768 tr 0.05 0.4
qwen3-coder-flash 1000000 65536 t 0.3 1.5
qwen3-coder-plus 1048576 65536 t 1 5
qwen3-14b 131072 8192 tr 0.35 1.4
qwen3-235b-a22b 131072 16384 tr 0.7 2.8
qwen3-32b 131072 16384 tr 0.7 2.8
qwen3-8b 131072 8192 tr 0.18 0.7
qwen3-coder-30b-a3b-instruct 262144 65536 t 0.45 2.25
qwen3-coder-480b-a35b-instruct 262144 65536 t 1.5 7.5
qwen3-vl-235b-a22b 131072 32768 tri 0.7 2.8
qwen3-vl-30b-a3b 131072 32768 tri 0.2 0.8
qwen-turbo 1000000 16384 tr 0.05 0.2
qwen-vl-max 131072 8192 ti 0.8 3.2
qwen-max 32768 8192 t 1.6 6.4
qwen-plus 1000000 32768 tr 0.4 1.2
qwen-vl-plus 131072 8192 ti 0.21 0.63
# openrouter
anthropic/claude-sonnet-5 1000000 128000 trsif 2 10 0.2 2.5
z-ai/glm-5.2 1048576 32768 trs 0.93 3 0.18
moonshotai/kimi-k2.7-code 262144 16384 trsi 0.74 3.5 0.15
qwen/qwen3.7-plus 1000000 65536 trsi 0.32 1.28 0.064 0.4
anthropic/claude-opus-4.8 1000000 128000 trsif 5 25 0.5 6.25
qwen/qwen3.7-max 1000000 65536 trs 1.25 3.75 0.25 1.5625
google/gemini-3.5-flash 1048576 65536 trsiavf 1.5 9 0.15 0.083333
google/gemini-3.1-flash-lite 1048576 65536 trsiavf 0.25 1.5 0.025 0.083333
mistralai/mistral-medium-3-5 262144 262144 trsif 1.5 7.5
deepseek/deepseek-v4-flash 1048575 65536 trs 0.098 0.196 0.02
deepseek/deepseek-v4-pro 1048576 384000 trs 0.435 0.87 0.003625
openai/gpt-5.5 1050000 128000 trsif 5 30 0.5
openai/gpt-5.5-pro 1050000 128000 trsif 30 180
moonshotai/kimi-k2.6 262144 262144 trsi 0.55 3.2 0.11
x-ai/grok-4.3 1000000 1000000 trsif 1.25 2.5 0.2 - 200000 2.5 5 0.4
anthropic/claude-opus-4.7 1000000 128000 trsif 5 25 0.5 6.25 200000 10 37.5 1 12.5
x-ai/grok-build-0.1 256000 256000 trsi 1 2 0.2
z-ai/glm-5.1 - - trs 0.975 4.3
z-ai/glm-5v-turbo 202752 131072 triv 1.2 4 0.24
x-ai/grok-4.20 2000000 2000000 trsif 1.25 2.5 0.2
x-ai/grok-4.20-multi-agent 2000000 2000000 rsif 1.25 2.5 0.2
openai/gpt-5.4-mini 400000 128000 trsif 0.75 4.5 0.075
openai/gpt-5.4-nano 400000 128000 trsif 0.2 1.25 0.02
z-ai/glm-5-turbo 262144 131072 tr 1.2 4 0.24
openai/gpt-5.4 1050000 128000 trsif 2.5 15 0.25
openai/gpt-5.4-pro 1050000 128000 trsif 30 180
google/gemini-3.1-flash-lite-preview 1048576 65536 trsiavf 0.25 1.5 0.025 0.083333
google/gemini-3.1-pro-preview 1048576 65536 trsiavf 2 12 0.2 0.375 200000 4 18 0.4
anthropic/claude-sonnet-4.6 1000000 128000 trsif 3 15 0.3 3.75 200000 6 22.5 0.6 7.5
z-ai/glm-5 202752 128000 trs 0.6 1.92 0.12
anthropic/claude-opus-4.6 1000000 128000 trsif 5 25 0.5 6.25 200000 10 37.5 1 12.5
google/gemini-3-flash-preview 1048576 65535 trsiavf 0.5 3 0.05 0.083333
anthropic/claude-opus-4.5 200000 64000 trsif 5 25 0.5 6.25
anthropic/claude-haiku-4.5 200000 64000 trsif 1 5 0.1 1.25
anthropic/claude-sonnet-4.5 1000000 64000 trsif 3 15 0.3 3.75 200000 6 22.5 0.6 7.5
openai/gpt-5-mini 400000 128000 trsif 0.25 2 0.025
openai/gpt-oss-120b 131072 131072 trs 0.03 0.15
openai/gpt-oss-20b 131072 131072 trs 0.029 0.14
mistralai/mistral-large-2512 262144 262144 tsif 0.5 1.5 0.05
# ollama
gemma4:31b - - tri
qwen3-coder-next - - t
nemotron-3-nano:30b - - tr
devstral-small-2:24b - - tsi
rnj-1:8b - - t
gpt-oss:120b - - tr
gpt-oss:20b - - tr
gemma3:27b - - i
gemma3:12b - - i
gemma3:4b - - i
ministral-3:14b - - tsi
ministral-3:8b - - tsi
ministral-3:3b - - tsi
`

/**
 * The lines of a table by vendor and id with a colon between them, each to be read when its model is asked for.
 *
 * @category converters
 * @since 0.1.0
 */
export const read = (text: string): ReadonlyMap<string, () => ModelInfo> => {
  const models = new Map<string, () => ModelInfo>()
  let vendor = ""
  for (const line of text.split("\n")) {
    if (line.startsWith("# ")) vendor = line.slice(2)
    else if (line !== "")
      models.set(`${vendor}:${line.slice(0, line.indexOf(" "))}`, readRow.bind(undefined, vendor, line))
  }
  return models
}

// internal

const capabilities: { readonly [letter: string]: Capability } = {
  t: "tools",
  r: "reasoning",
  s: "structured-output",
  i: "image-input",
  a: "audio-input",
  v: "video-input",
  f: "file-input",
  I: "image-output",
  A: "audio-output"
}

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

function readRow(vendor: string, line: string): ModelInfo {
  const [id = "", contextWindow, outputLimit, letters = "", ...prices] = line.split(" ")
  const model: Mutable<ModelInfo> = { vendor, id }
  if (known(contextWindow)) model.contextWindow = Number(contextWindow)
  if (known(outputLimit)) model.outputLimit = Number(outputLimit)
  model.capabilities = letters === "none" ? [] : [...letters].flatMap((letter) => capabilities[letter] ?? [])
  const price = readPrice(prices.slice(0, 4))
  const above = readPrice(prices.slice(5))
  if (price !== undefined) {
    model.price = above === undefined ? price : { ...price, above: { tokens: Number(prices[4]), ...above } }
  }
  return model
}

const readPrice = ([input, output, cacheRead, cacheWrite]: ReadonlyArray<string>): Price | undefined => {
  if (!known(input) || !known(output)) return undefined
  const price: Mutable<Price> = { input: Number(input), output: Number(output) }
  if (known(cacheRead)) price.cacheRead = Number(cacheRead)
  if (known(cacheWrite)) price.cacheWrite = Number(cacheWrite)
  return price
}

const known = (field: string | undefined): boolean => field !== undefined && field !== "-"
