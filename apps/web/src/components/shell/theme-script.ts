/** Runs before the first paint: puts the chosen theme, or the system's, on <html>. The choice is kept in this browser. */
export const themeScript = `(function(){var d=document.documentElement,c="system";try{c=localStorage.getItem("flotilla-theme")||c}catch(e){}
if(c!=="light"&&c!=="dark")c="system";d.dataset.themeChoice=c;d.dataset.theme=c==="system"?(matchMedia("(prefers-color-scheme: dark)").matches?"dark":"light"):c})()`;
