/* What a person does with a script: choose, write, run, watch, stop, read what came of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { becomes, editorText, openPage, origin, runScript, startFront, takePicture, waitForStatus, withPage, writeScript } from './support.mjs';

const text = (page, id) => page.locator(`#${id}`).textContent();

test('faults are seen: an inline script, a style attribute, a request to elsewhere', async () => {
    const { page, context, faults } = await openPage(origin);
    await page.evaluate(() => {
        const script = document.createElement('script');
        script.textContent = 'globalThis.ran = true';
        document.body.append(script);
        document.body.setAttribute('style', 'color: red');
        new Image().src = 'http://elsewhere.example/';
        return fetch('http://elsewhere.example/').catch(() => {});
    });
    for (const word of ['script-src', 'style-src', 'img-src', 'connect-src'])
        for (let tries = 0; !faults.some((fault) => fault.startsWith(`policy: ${word}`)); tries++) {
            assert(tries < 100, `${word}: ${faults}`);
            await page.waitForTimeout(100);
        }
    assert.equal(await page.evaluate(() => globalThis.ran), undefined);
    await context.close();
});

test('the menu has the examples of the README, and each runs', () => withPage(origin, {}, async (page) => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const seed = [...readme.matchAll(/^ {2}-d '(\{"script": .*\})'$/gm)].map(([, body]) => JSON.parse(body).script).slice(0, 4);
    const names = await page.locator('#example option').allTextContents();
    assert.deepEqual(names.slice(1, 5), ['Basic', 'NumPy', 'Pandas', 'Stdout capture']);
    for (const [index, name] of names.entries()) {
        if (index === 0 || name === 'Output while it runs')
            continue;
        await page.selectOption('#example', { label: name });
        if (index <= 4)
            assert.equal((await editorText(page)).trim(), seed[index - 1]);
        await page.click('#run');
        await page.waitForFunction(() => !document.getElementById('run').disabled);
        if (name === 'Figure') {
            await page.waitForFunction(() => document.querySelector('#figures img')?.naturalWidth > 100);
            await takePicture(page, 'figure');
        }
        assert.match(await text(page, 'status'), name === 'An error' ? /^Failed after .*s: exception\.$/ : /^Finished after .*s\.$/);
    }
}));

test('Python is highlighted, in the colours of the page', () => withPage(origin, {}, async (page) => {
    await writeScript(page, 'def main():\n    return "text"  # comment\n');
    for (const [name, word] of [['keyword', 'def'], ['string', '"text"'], ['comment', '# comment']])
        assert.equal(await page.locator(`.cm-${name}`, { hasText: word }).first().textContent(), word);
    const colors = await page.evaluate(() => ['keyword', 'string', 'comment'].map(
        (name) => getComputedStyle(document.querySelector(`.cm-${name}`)).color));
    assert.equal(new Set(colors).size, 3);
}));

test('the result is a tree that folds, with every digit', () => withPage(origin, {}, async (page) => {
    await runScript(page, `def main():
    return {"10": 12345678901234567890123, "2": [1e400 > 1, None, 0.10, -0.0], "deep": {"a": {"b": {"c": "<b>x</b>"}}},
            "long": "y" * 5000, "many": list(range(1000)), "empty": [{}, []]}
`);
    const tree = page.locator('#result');
    const keys = await tree.locator('> details > .children > * > .key, > details > .children > details > summary > .key').allTextContents();
    assert.deepEqual(keys, ['10', '2', 'deep', 'long', 'many', 'empty']);
    for (const number of ['12345678901234567890123', '0.1', '-0.0'])
        assert.equal(await tree.locator('.number', { hasText: number }).first().textContent(), number);
    const many = tree.locator('details', { hasText: 'many' }).last();
    assert.equal(await many.locator('.number').count(), 0, 'what is folded is not made');
    await many.locator('summary').focus();
    await page.keyboard.press('Enter');
    await many.getByRole('button', { name: '800 more' }).press('Enter');
    assert.equal(await many.locator('.number').count(), 400);
    await tree.locator('summary', { hasText: 'a: ' }).click();
    await tree.locator('summary', { hasText: 'b: ' }).click();
    await tree.locator('.string').getByText('"<b>x</b>"', { exact: true }).waitFor();
    await tree.getByRole('button', { name: 'all 5000 characters' }).click();
    assert.equal((await tree.locator('.string', { hasText: 'yyy' }).textContent()).length, 5002);
}));

test('stdout, stderr and timings are shown, markup as text', () => withPage(origin, {}, async (page) => {
    await runScript(page, 'import sys\ndef main():\n    print("<img src=x onerror=alert(1)> ü")\n    print("oops", file=sys.stderr)\n');
    assert.equal(await text(page, 'stdout'), '<img src=x onerror=alert(1)> ü\n');
    assert.equal(await text(page, 'stderr'), 'oops\n');
    assert.match(await text(page, 'timings'), /^queue(under )?[\d.]+ m?srun(under )?[\d.]+ m?stotal[\d.]+ m?s$/);
    await runScript(page, 'def main():\n    return 1\n');
    assert(await page.locator('#part-stdout').isHidden() && await page.locator('#part-stderr').isHidden());
}));

test('a large answer is shown in part, soon', () => withPage(origin, {}, async (page) => {
    await runScript(page, 'def main():\n    print("x" * 99 + "\\n", end="")\n    print("y" * 5000000)\n    return list(range(10 ** 6))\n');
    assert.match(await text(page, 'stdout'), /… 4600101 more characters are not shown here\.$/);
    assert.equal((await text(page, 'result')), '[1000000]');
    await page.locator('#result summary').click();
    await page.locator('#result').getByRole('button', { name: '999800 more' }).waitFor();
}));

test('what came of a run is in the accessibility tree, by name', () => withPage(origin, {}, async (page) => {
    await runScript(page, 'def main():\n    print("out")\n    return {"a": [1, {"deep": {"b": None}}]}\n');
    assert.equal(await page.getByRole('status').filter({ hasText: /^Finished after/ }).count(), 1);
    for (const name of ['Result', 'Standard output', 'Timings'])
        assert.equal(await page.getByRole('region', { name, exact: true }).count(), 1, name);
    const result = await page.getByRole('region', { name: 'Result' }).ariaSnapshot();
    for (const line of ['{1}', 'a: [2]', '0: 1', '1: {1}'])
        assert(result.includes(line), result);
    await runScript(page, 'def f(a):\n    return 1 / a\n\ndef main():\n    f(0)\n');
    assert.equal(await page.getByRole('status').filter({ hasText: /^Failed after .*: exception\.$/ }).count(), 1);
    const traceback = page.getByRole('region', { name: 'Traceback' });
    assert.deepEqual(await traceback.getByRole('button').allTextContents(), ['line 5', 'line 2']);
    assert.equal(await traceback.getByRole('button', { name: 'line 5', exact: true, description: 'Show it in the editor' }).count(), 1);
}));

test('no text is cut in the middle of a character', () => withPage(origin, {}, async (page) => {
    await runScript(page, 'def main():\n    print("x" * 399999 + "\\U0001F600" * 2)\n    return "y" * 1999 + "\\U0001F600" * 2\n');
    assert.match(await text(page, 'stdout'), /x\n… 5 more characters are not shown here\.$/);
    assert.equal(await page.locator('#result .string').textContent(), `"${'y'.repeat(1999)}…`);
    await page.locator('#result').getByRole('button', { name: 'all 2003 characters' }).click();
    assert.equal(await page.locator('#result .string').textContent(), `"${'y'.repeat(1999)}\u{1F600}\u{1F600}"`);
}));

test('a traceback leads to the line', () => withPage(origin, {}, async (page) => {
    const status = await runScript(page, 'def f(a):\n    return 1 / a\n\ndef main():\n    print("before")\n    f(0)\n');
    assert.match(status, /^Failed after .*: exception\.$/);
    assert.equal(await text(page, 'error'), 'ZeroDivisionError: division by zero');
    assert.equal(await text(page, 'stdout'), 'before\n');
    await page.locator('#traceback').getByRole('button', { name: 'line 2' }).press('Enter');
    assert.match(await page.locator('.CodeMirror .marked').locator('..').textContent(), /return 1 \/ a/);
    assert.equal(await page.evaluate(() => document.querySelector('.CodeMirror').CodeMirror.getCursor().line), 1);
    await page.keyboard.type('#');
    assert.match(await editorText(page), /\n# {4}return 1/);
    await runScript(page, 'def main():\n    return (\n');
    await page.locator('#error').getByRole('button', { name: 'line 2' }).click();
    assert.equal(await page.evaluate(() => document.querySelector('.CodeMirror').CodeMirror.getCursor().line), 1);
    await runScript(page, 'def main():\n    raise ValueError(\'File "script.py", line 0; File "script.py", line 987654321\')\n');
    for (const [name, line] of [['line 987654321', 2], ['line 0', 0]]) {
        await page.locator('#error').getByRole('button', { name, exact: true }).click();
        assert.equal(await page.evaluate(() => document.querySelector('.CodeMirror').CodeMirror.getCursor().line), line);
    }
}));

test('only lines of the script itself are links', () => withPage(origin, {}, async (page) => {
    await runScript(page, `import os, sys
def main():
    os.mkdir("sub")
    for name in ("myscript", "sub/script"):
        with open(name + ".py", "w") as file:
            file.write("def call(f):\\n\\n\\n\\n    f()\\n" if name == "myscript" else "def fail():\\n\\n\\n\\n\\n\\n    1/0\\n")
    import myscript
    from sub.script import fail
    myscript.call(fail)
`);
    const traceback = await text(page, 'traceback');
    for (const frame of ['File "script.py", line 9', 'File "myscript.py", line 5', 'File "sub/script.py", line 7'])
        assert(traceback.includes(frame), traceback);
    assert.deepEqual(await page.locator('#traceback .link').allTextContents(), ['line 9']);
}));

test('Ctrl+Enter runs, from the editor and from elsewhere', () => withPage(origin, {}, async (page) => {
    let runs = 0;
    page.on('request', (request) => { runs += request.method() === 'POST' ? 1 : 0; });
    await page.click('.CodeMirror-code');
    await page.keyboard.press('Control+Enter');
    await waitForStatus(page, /^Finished/);
    assert.equal(runs, 1);
    await page.focus('#copy-curl');
    await page.keyboard.press('Control+Enter');
    await page.waitForFunction(() => !document.getElementById('run').disabled);
    assert.equal(runs, 2);
    assert.match(await editorText(page), /^def main\(\):\n {4}return .*\n$/);
}));

test('Stop ends the script', () => withPage(origin, {}, async (page) => {
    await writeScript(page, 'import time\ndef main():\n    time.sleep(29)\n');
    await page.focus('#run');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => parseFloat(document.getElementById('elapsed').textContent) >= 0.5);
    await becomes(origin, 'running', 1);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'stop');
    await page.keyboard.press('Enter');
    assert.match(await waitForStatus(page, /^Stopped/), /^Stopped after [\d.]+ m?s\.$/);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'run');
    await becomes(origin, 'running', 0);
}));

test('the service sends output while the script runs, and what came stays after Stop', () => withPage(origin, {}, async (page) => {
    await page.selectOption('#example', { label: 'Output while it runs' });
    const example = await editorText(page);
    assert(example.includes('range(1, 11)'));
    await writeScript(page, example.replace('range(1, 11)', 'range(1, 56)')); // for 27 s
    await page.click('#run');
    await page.waitForFunction(() => document.getElementById('stdout').textContent.startsWith('step 1 of 10\nstep 2 of 10\n'));
    assert.equal(await text(page, 'status'), 'Running…');
    await page.click('#stop');
    await waitForStatus(page, /^Stopped/);
    assert.match(await text(page, 'stdout'), /^step 1 of 10\nstep 2 of 10\n/);
    assert.doesNotMatch(await text(page, 'stdout'), /step 55/);
}));

test('output comes while the script runs, as server-sent events', async () => {
    let go, accept;
    const front = await startFront(origin, async (request, response) => {
        accept = request.headers.accept;
        const next = () => new Promise((resolve) => { go = resolve; });
        response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Server-Timing': 'queue;dur=1.5' });
        response.write(': \n\nevent: stdout\ndata: "one ü\\n"\n\nevent: stderr\ndata: "war');
        await next();
        response.write('ning\\n"\n\nevent: stdout\ndata: "two\\n"\n\n');
        await next();
        response.end('event: result\ndata: {"result": {"n": 1.50},\ndata:  "stdout": "one ü\\ntwo\\n", "stderr": "warning\\n"}\n\n');
    });
    await withPage(front, {}, async (page) => {
        const shows = (id, wanted) => page.waitForFunction(([place, value]) => document.getElementById(place).textContent === value, [id, wanted]);
        await page.click('#run');
        await shows('stdout', 'one ü\n');
        assert.equal(await text(page, 'status'), 'Running…');
        go();
        await shows('stderr', 'warning\n');
        await shows('stdout', 'one ü\ntwo\n');
        assert(await page.locator('#part-result').isHidden());
        go();
        await waitForStatus(page, /^Finished/);
        assert.equal(await text(page, 'stdout'), 'one ü\ntwo\n');
        assert.equal(await text(page, 'result'), '{1}n: 1.50');
        assert.match(await text(page, 'timings'), /^queue1\.5 msrun[\d.]+ m?stotal[\d.]+ m?s$/);
    });
    assert.match(accept, /^text\/event-stream/);
});

test('figures are pictures; a failure in a stream is one; a broken stream is told', async () => {
    const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    const answers = [
        `event: result\ndata: {"result": null, "stdout": "", "figures": [${Array(2).fill(`{"format": "png", "data": "${dot}"}`)}]}\n\n`,
        'event: error\ndata: {"error": "Script execution timed out (30s limit)", "outcome": "timeout", "stdout": ""}\n\n',
        'event: stdout\ndata: "half"\n\n',
    ];
    const front = await startFront(origin, (request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.end(answers.shift());
    });
    await withPage(front, {}, async (page) => {
        await page.click('#run');
        await page.waitForFunction(() => [...document.querySelectorAll('#figures img')].filter((image) => image.naturalWidth === 1).length === 2);
        assert.equal(await page.locator('#figures img').last().getAttribute('alt'), 'Figure 2 of 2');
        await page.click('#run');
        assert.match(await waitForStatus(page, /^Failed/), /: timeout\.$/);
        assert(await page.locator('#part-figures').isHidden());
        await page.click('#run');
        await waitForStatus(page, /^The service gave no answer: the answer ended early\.$/);
        assert.equal(await text(page, 'stdout'), 'half');
    });
});
