// OpenAI's SDK on Responses: whole answers, and its own helper for streams.

import OpenAI from "openai";
import { DESCRIPTION, QUESTION, SCHEMA, play, weather } from "./told.mjs";

const members = {
  instructions: "Be brief.",
  tools: [
    {
      type: "function",
      name: "weather",
      description: DESCRIPTION,
      parameters: SCHEMA,
      strict: false,
    },
  ],
  parallel_tool_calls: true,
  store: false,
  include: ["reasoning.encrypted_content"],
};

const whole = (client, asked) => client.responses.create(asked);

const stream = (client, asked) => client.responses.stream(asked).finalResponse();

async function session({ origin, key, model }, ask) {
  const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey: key });
  const items = [{ role: "user", content: QUESTION }];
  let input = 0;
  let output = 0;
  for (;;) {
    const reply = await ask(client, { ...members, model, input: items });
    input += reply.usage.input_tokens;
    output += reply.usage.output_tokens;
    const calls = reply.output.filter(({ type }) => type === "function_call");
    if (!calls.length) return { text: reply.output_text, input, output };
    for (const { call_id, name, arguments: said } of calls) {
      items.push({ type: "function_call", call_id, name, arguments: said });
      items.push({ type: "function_call_output", call_id, output: weather(JSON.parse(said)) });
    }
  }
}

await play({ whole: (door) => session(door, whole), stream: (door) => session(door, stream) });
