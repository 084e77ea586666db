/* json: reads JSON without losing anything: numbers keep their digits, objects the order of their keys and
 * keys that come twice. Input that is not JSON throws; what the service sends was checked there. */

/* A number as it was written. */
export class NumberText {
    constructor(text) {
        this.text = text;
    }
}

/* An object as a list of [key, value]. */
export class Entries {
    constructor(list) {
        this.list = list;
    }

    /* The last value of a key, undefined without one. */
    get(key) {
        return this.list.findLast(([name]) => name === key)?.[1];
    }
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORDS = [['true', true], ['false', false], ['null', null]];

class Reader {
    constructor(text) {
        this.text = text;
        this.at = 0;
    }

    fail() {
        throw new SyntaxError(`not JSON at ${this.at}`);
    }

    /* The next character that is not space. */
    peek() {
        SPACE.lastIndex = this.at;
        SPACE.exec(this.text);
        this.at = SPACE.lastIndex;
        return this.text[this.at];
    }

    take(character) {
        if (this.peek() !== character)
            return false;
        this.at++;
        return true;
    }

    string() {
        if (this.peek() !== '"')
            this.fail();
        let end = this.at, slashes;
        do {
            end = this.text.indexOf('"', end + 1);
            if (end < 0)
                this.fail();
            slashes = 0;
            while (this.text[end - 1 - slashes] === '\\')
                slashes++;
        } while (slashes % 2 === 1);
        const value = JSON.parse(this.text.slice(this.at, end + 1));
        this.at = end + 1;
        return value;
    }

    list(close, item) {
        const items = [];
        this.at++;
        if (this.take(close))
            return items;
        do
            items.push(item());
        while (this.take(','));
        if (!this.take(close))
            this.fail();
        return items;
    }

    entry() {
        const key = this.string();
        if (!this.take(':'))
            this.fail();
        return [key, this.value()];
    }

    number() {
        NUMBER.lastIndex = this.at;
        const found = NUMBER.exec(this.text);
        if (!found)
            this.fail();
        this.at = NUMBER.lastIndex;
        return new NumberText(found[0]);
    }

    value() {
        const first = this.peek();
        if (first === '"')
            return this.string();
        if (first === '{')
            return new Entries(this.list('}', () => this.entry()));
        if (first === '[')
            return this.list(']', () => this.value());
        for (const [word, value] of WORDS)
            if (this.text.startsWith(word, this.at)) {
                this.at += word.length;
                return value;
            }
        return this.number();
    }
}

/* Text -> strings, true, false, null, arrays, NumberText, Entries. */
export function parseJson(text) {
    const reader = new Reader(text), value = reader.value();
    if (reader.peek() !== undefined)
        reader.fail();
    return value;
}
