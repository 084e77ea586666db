/* tree: a value of json.js as a tree that folds. <details> brings keyboard and screen readers along; what is
 * folded is not made yet, so that a large result costs nothing. */
import { Entries, NumberText } from './json.js';

const SLICE = 200; // children that are made at once
const OPEN_SIZE = 50; // the outermost levels are open when they are not longer
const STRING_SIZE = 2000;

/* The start of a text, at most size long; half of a character is not shown. */
export function cut(text, size) {
    const code = text.charCodeAt(size - 1);
    return text.slice(0, text.length > size && code >= 0xd800 && code < 0xdc00 ? size - 1 : size);
}

function make(tag, name, text) {
    const element = document.createElement(tag);
    element.className = name;
    element.textContent = text;
    return element;
}

function more(text, action) {
    const button = make('button', 'link', text);
    button.type = 'button';
    button.addEventListener('click', () => {
        const last = button.previousElementSibling;
        button.remove();
        action();
        const next = last?.nextElementSibling?.querySelector('summary') ?? last?.parentElement.querySelector('summary');
        next?.focus();
    });
    return button;
}

function stringNodes(value) {
    const span = make('span', 'string', JSON.stringify(cut(value, STRING_SIZE)));
    if (value.length <= STRING_SIZE)
        return [span];
    span.textContent = span.textContent.slice(0, -1) + '…';
    return [span, more(`all ${value.length} characters`, () => { span.textContent = JSON.stringify(value); })];
}

function scalarNodes(value) {
    if (value instanceof NumberText)
        return [make('span', 'number', value.text)];
    if (typeof value === 'string')
        return stringNodes(value);
    return [make('span', 'word', String(value))];
}

/* [[label, value]] of what has children, else null. */
function childrenOf(value) {
    if (Array.isArray(value))
        return value.map((item, index) => [String(index), item]);
    return value instanceof Entries ? value.list : null;
}

function sizeText(value, count) {
    return Array.isArray(value) ? `[${count}]` : `{${count}}`;
}

function addSlice(list, children, from, level) {
    const end = Math.min(from + SLICE, children.length);
    for (const [label, value] of children.slice(from, end))
        list.append(item(label, value, level));
    if (end < children.length)
        list.append(more(`${children.length - end} more`, () => addSlice(list, children, end, level)));
}

function branch(key, value, children, level) {
    const details = document.createElement('details'), summary = document.createElement('summary');
    summary.append(...key, make('span', 'size', sizeText(value, children.length)));
    const list = make('div', 'children', '');
    details.append(summary, list);
    const fill = () => {
        if (details.open && !list.hasChildNodes())
            addSlice(list, children, 0, level + 1);
    };
    details.addEventListener('toggle', fill);
    details.open = level < 2 && children.length <= OPEN_SIZE;
    fill();
    return details;
}

function item(label, value, level) {
    const key = label === null ? [] : [make('span', 'key', label), ': '];
    const children = childrenOf(value);
    if (children?.length)
        return branch(key, value, children, level);
    const leaf = make('div', 'leaf', '');
    leaf.append(...key, ...(children ? [make('span', 'size', Array.isArray(value) ? '[]' : '{}')] : scalarNodes(value)));
    return leaf;
}

/* The element of a whole value. */
export function makeTree(value) {
    return item(null, value, 0);
}
