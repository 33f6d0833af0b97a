// OpenAI's SDK on chat completions: whole answers, and its own helper for streams.

import OpenAI from "openai";
import { DESCRIPTION, QUESTION, SCHEMA, play, weather } from "./told.mjs";

const members = {
  tools: [
    {
      type: "function",
      function: { name: "weather", description: DESCRIPTION, parameters: SCHEMA },
    },
  ],
  parallel_tool_calls: true,
  store: false,
  prompt_cache_key: "north",
  of_no_dialect: [1.5, null],
};

const whole = (client, asked) => client.chat.completions.create(asked);

const stream = (client, asked) =>
  client.chat.completions
    .stream({ ...asked, stream_options: { include_usage: true } })
    .finalChatCompletion();

async function session({ origin, key, model }, ask) {
  const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey: key });
  const messages = [
    { role: "developer", content: "Be brief." },
    { role: "user", content: QUESTION },
  ];
  let input = 0;
  let output = 0;
  for (;;) {
    const reply = await ask(client, { ...members, model, messages });
    input += reply.usage.prompt_tokens;
    output += reply.usage.completion_tokens;
    const { message } = reply.choices[0];
    if (!message.tool_calls?.length) return { text: message.content, input, output };
    messages.push(message);
    for (const call of message.tool_calls) {
      const content = weather(JSON.parse(call.function.arguments));
      messages.push({ role: "tool", tool_call_id: call.id, content });
    }
  }
}

await play({ whole: (door) => session(door, whole), stream: (door) => session(door, stream) });
