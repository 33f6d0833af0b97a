// How a client in Node is told what to do, and says what came of it: a line of JSON for a line.

import { createInterface } from "node:readline";

export const QUESTION = "Where is it warmest: in Oslo, Tromsø or Røros?";
export const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};
export const DESCRIPTION = "The weather in a city.";

let called = [];

export function weather({ city }) {
  called.push(city);
  return `${city}: 3 °C`;
}

// Text and tokens of each wish, or the error as the client shows it.
export async function play(ways) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { way, ...door } = JSON.parse(line);
    called = [];
    let told;
    try {
      told = await ways[way](door);
    } catch (error) {
      told = { error: `${error.name}: ${error.message}` };
    }
    process.stdout.write(`${JSON.stringify({ called, ...told })}\n`);
  }
}
