/** @file What pages do besides being read: the slider between before and after. Without it both pictures stand side by side. */

/** JavaScript for the page's head: one listener for all sliders, which the keyboard and a pointer on the pictures move. */
export const pageScript = `document.documentElement.classList.add("js");
(() => {
  const show = (input) => input.parentElement.style.setProperty("--cut", input.value + "%");
  const follow = (event) => {
    const stack = event.target.closest?.(".stack");
    if (!stack || (event.pointerType === "mouse" && event.type === "pointermove" && event.buttons === 0)) return;
    const input = stack.parentElement.querySelector(".cut");
    const { left, width } = stack.getBoundingClientRect();
    input.value = String(Math.round((100 * (event.clientX - left)) / width));
    show(input);
    event.preventDefault();
  };
  document.addEventListener("input", ({ target }) => target.matches(".cut") && show(target));
  document.addEventListener("pointerdown", follow);
  document.addEventListener("pointermove", follow);
})();`;
