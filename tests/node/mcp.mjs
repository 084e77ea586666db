// The official SDK's client against a service, whose URL is the argument. Ends with a line of what was tried, or an exception.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

// Open without a token.
const runs = async () => (await (await fetch(new URL("/ready", url))).json()).running;
// Waits less long than the script below runs by itself.
const becomes = async (count) => {
  for (let tries = 0; (await runs()) !== count; tries++) {
    assert.ok(tries < 100, `${await runs()} run, not ${count}`);
    await sleep(100);
  }
};
const [url, token] = process.argv.slice(2);
const client = new Client({ name: "test", version: "1" });
const requestInit = token ? { headers: { Authorization: `Bearer ${token}` } } : {};
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit });
const errors = [];
client.onerror = (error) => errors.push(error);

// The client checks structuredContent against the tool's outputSchema, which it knows from listTools.
const run = (script, more = {}) => client.callTool({ name: "run_python", arguments: { script, ...more } });

await client.connect(transport);
assert.equal(client.getServerVersion().name, "code-runner");
assert.deepEqual(client.getServerCapabilities(), { tools: {} });
assert.equal(transport.protocolVersion, "2025-06-18");
await client.ping();

const { tools } = await client.listTools();
assert.deepEqual(tools.map((tool) => tool.name), ["run_python"]);
assert.deepEqual(tools[0].inputSchema.required, ["script"]);

const sum = await run("def main(a, b):\n    print('adding')\n    return a + b\n", { args: { a: 1, b: 2 } });
assert.deepEqual(sum.structuredContent, { result: 3, stdout: "adding\n" });
assert.deepEqual(sum.content.map((block) => block.text), ["3", "stdout:\nadding\n"]);

const drawn = await run("import matplotlib.pyplot as plt\ndef main():\n    plt.plot([1, 2])\n");
const image = drawn.content.find((block) => block.type === "image");
assert.equal(Buffer.from(image.data, "base64").subarray(1, 4).toString(), "PNG");

const files = await run("def main():\n    open('b', 'w').write('x')\n", { return_files: ["b"] });
assert.deepEqual(files.content.map((block) => block.text), ["null", "files:\nb (1 bytes)\n"]);
assert.deepEqual(files.structuredContent.files, { b: { data: "eA==", size: 1 } });

const failed = await run("def main():\n    1/0\n");
assert.equal(failed.isError, true);
assert.match(failed.content[0].text, /^exception: ZeroDivisionError/);

await assert.rejects(run(""), { code: -32602 });
await assert.rejects(client.callTool({ name: "other" }), { code: -32602 });
await assert.rejects(client.listResources(), /not support|-32601/);

const many = await Promise.all([1, 2, 3, 4].map((n) => run(`def main():\n    return ${n}\n`)));
assert.deepEqual(many.map((one) => one.structuredContent.result), [1, 2, 3, 4]);

const stop = new AbortController();
const left = client.callTool({ name: "run_python", arguments: { script: "import time\ndef main():\n    time.sleep(29)\n" } },
  undefined, { signal: stop.signal });
await becomes(1);
stop.abort();
await assert.rejects(left);
// What the client says then is a notification, which means nothing to a server without sessions.
await sleep(300);
assert.equal(await runs(), 1);
assert.deepEqual(errors, []);

await client.close();
await becomes(0);
assert.deepEqual(errors.map((error) => error.name), ["AbortError"]);
console.log("mcp: all as the SDK expects it");
