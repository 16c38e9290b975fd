/**
 * Runs before anything can be typed or pressed. A page from the server looks finished before its scripts have come, on a slow line for seconds:
 * until then this notes what fields are given and holds back forms, which the browser would send by itself. early-input.tsx hands both on.
 */
export const earlyInputScript = `(function(){var f=new Map(),s=null;
function note(e){var t=e.target;if(t.matches("input,select,textarea"))f.set(t,t.type==="checkbox"||t.type==="radio"?t.checked:t.value)}
function hold(e){if(e.defaultPrevented)return;e.preventDefault();s={form:e.target,by:e.submitter}}
addEventListener("input",note,true);addEventListener("submit",hold);
window.flotillaEarlyInput=function(){removeEventListener("input",note,true);removeEventListener("submit",hold);return{fields:f,sent:s}}})()`;
