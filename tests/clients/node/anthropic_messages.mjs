// Anthropic's SDK: whole answers, and its own helper for streams.

import Anthropic from "@anthropic-ai/sdk";
import { DESCRIPTION, QUESTION, SCHEMA, play, weather } from "./told.mjs";

const members = {
  max_tokens: 500,
  system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }],
  tools: [{ name: "weather", description: DESCRIPTION, input_schema: SCHEMA }],
  metadata: { user_id: '{"session":"north"}' },
};

const whole = (client, asked) => client.messages.create(asked);

const stream = (client, asked) => client.messages.stream(asked).finalMessage();

async function session({ origin, key, model }, ask) {
  const client = new Anthropic({ baseURL: origin, apiKey: key });
  const messages = [{ role: "user", content: QUESTION }];
  let input = 0;
  let output = 0;
  for (;;) {
    const { content, stop_reason, usage } = await ask(client, { ...members, model, messages });
    input += usage.input_tokens;
    output += usage.output_tokens;
    if (stop_reason !== "tool_use") return { text: content.at(-1).text, input, output };
    messages.push({ role: "assistant", content });
    const said = content
      .filter(({ type }) => type === "tool_use")
      .map((block) => ({
        type: "tool_result",
        tool_use_id: block.id,
        content: weather(block.input),
      }));
    messages.push({ role: "user", content: said });
  }
}

await play({ whole: (door) => session(door, whole), stream: (door) => session(door, stream) });
