/* menu: the examples, and the question before one of them takes the place of what a person wrote: on some systems every
 * arrow key in a closed menu is a choice. Knows nothing of running. */
import { EXAMPLES } from './examples.js';

const NONE = '';

/* question: a live region; answers: what holds the buttons replace and keep. editor: that of editor.js.
 * onChosen() when an example is in it; forget() is to be called when something else is. */
export function makeMenu({ menu, question, answers, replace, keep }, editor, onChosen) {
    const chosen = () => EXAMPLES[Number(menu.value)];
    const isOurs = () => editor.script.trim() === '' || EXAMPLES.some(([, script]) => script === editor.script);
    const close = () => {
        answers.hidden = true;
        question.textContent = '';
    };
    const show = () => {
        close();
        editor.script = chosen()[1];
        onChosen();
    };
    const forget = () => {
        close();
        menu.value = NONE;
    };

    EXAMPLES.forEach(([name], index) => menu.add(new Option(name, String(index))));
    menu.addEventListener('change', () => {
        if (menu.value === NONE)
            close();
        else if (isOurs())
            show();
        else {
            answers.hidden = false;
            question.textContent = `Replace your script by the example “${chosen()[0]}”?`;
        }
    });
    replace.addEventListener('click', () => {
        show();
        menu.focus();
    });
    keep.addEventListener('click', () => {
        forget();
        menu.focus();
    });
    return {
        forget,
        /* Without a question. */
        choose(index) {
            menu.value = String(index);
            show();
        },
    };
}
