// How a client in Node is told what to do, and says what came of it.

export const ORIGIN = process.env.CLIENT_ORIGIN;
export const KEY = process.env.CLIENT_KEY;
export const MODEL = process.env.CLIENT_MODEL;

export const QUESTION = "Where is it warmest: in Oslo, Tromsø or Røros?";
export const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};
export const DESCRIPTION = "The weather in a city.";

const called = [];

export function weather({ city }) {
  called.push(city);
  return `${city}: 3 °C`;
}

// Runs the way that was asked for: its text and tokens, or the error as the client shows it.
export async function tell(ways) {
  let told;
  try {
    told = await ways[process.argv[2]]();
  } catch (error) {
    told = { error: `${error.name}: ${error.message}` };
  }
  console.log(JSON.stringify({ called, ...told }));
}
