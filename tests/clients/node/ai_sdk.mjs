// The Vercel AI SDK before providers of three kinds, generated and streamed.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { DESCRIPTION, QUESTION, SCHEMA, play, weather } from "./told.mjs";

const providers = {
  chat: ({ baseURL, apiKey }) =>
    createOpenAICompatible({ name: "gateway", baseURL, apiKey, includeUsage: true }),
  responses: createOpenAI,
  messages: createAnthropic,
};

const asked = (name, { origin, key, model }) => ({
  model: providers[name]({ baseURL: `${origin}/v1`, apiKey: key })(model),
  system: "Be brief.",
  prompt: QUESTION,
  maxOutputTokens: 500,
  stopWhen: stepCountIs(5),
  tools: {
    weather: tool({
      description: DESCRIPTION,
      inputSchema: jsonSchema(SCHEMA),
      execute: async (input) => weather(input),
    }),
  },
});

const told = (text, { inputTokens, outputTokens }) => ({
  text,
  input: inputTokens,
  output: outputTokens,
});

async function whole(name, door) {
  const done = await generateText(asked(name, door));
  return told(done.text, done.totalUsage);
}

async function stream(name, door) {
  let failed;
  const running = streamText({
    ...asked(name, door),
    onError: ({ error }) => {
      failed ??= error;
    },
  });
  await running.consumeStream();
  if (failed) throw failed;
  return told(await running.text, await running.totalUsage);
}

const ways = {};
for (const name of Object.keys(providers)) {
  ways[name] = (door) => whole(name, door);
  ways[`${name}-stream`] = (door) => stream(name, door);
}
await play(ways);
