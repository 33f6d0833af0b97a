// Ollama's own client: whole answers and lines.

import { Ollama } from "ollama";
import { DESCRIPTION, QUESTION, SCHEMA, play, weather } from "./told.mjs";

const tools = [
  {
    type: "function",
    function: { name: "weather", description: DESCRIPTION, parameters: SCHEMA },
  },
];

async function* whole(client, asked) {
  yield await client.chat(asked);
}

async function* stream(client, asked) {
  yield* await client.chat({ ...asked, stream: true });
}

async function session({ origin, key, model }, ask) {
  const client = new Ollama({ host: origin, headers: { authorization: `Bearer ${key}` } });
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: QUESTION },
  ];
  let input = 0;
  let output = 0;
  for (;;) {
    let content = "";
    const calls = [];
    const asked = { model, messages, tools, options: { num_predict: 500 }, keep_alive: "5m" };
    for await (const part of ask(client, asked)) {
      content += part.message.content ?? "";
      calls.push(...(part.message.tool_calls ?? []));
      input += part.prompt_eval_count ?? 0;
      output += part.eval_count ?? 0;
    }
    if (!calls.length) return { text: content, input, output };
    messages.push({ role: "assistant", content, tool_calls: calls });
    for (const call of calls) {
      const said = weather(call.function.arguments);
      messages.push({ role: "tool", tool_name: "weather", content: said });
    }
  }
}

await play({ whole: (door) => session(door, whole), stream: (door) => session(door, stream) });
