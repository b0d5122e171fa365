// The style of the widget: a style sheet of its own inside a shadow root, so that nothing of the page gets in or out.
// What is important on the host wins over what the page says is important. Sizes are in px, because the page may have
// changed what a rem is.
export const CSS = `
:host{all:initial!important;--a:#206bc4;--on:#fff;--ink:#182433;--dim:#5b6675;--line:#8b95a3;--ground:#fff;--soft:#f2f4f7;--bad:#b42318;
font:16px/1.45 var(--font,system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif)!important;color:var(--ink)!important}
:host([hidden]),[hidden]{display:none!important}
.dark{--ink:#e8ecf1;--dim:#aab4c0;--line:#76828f;--ground:#1a222d;--soft:#253040;--bad:#ff9a8f}
*,*::before,*::after{box-sizing:border-box}
.shell,.launch{color-scheme:light}.dark :is(.shell,.launch){color-scheme:dark}
.shell{color:var(--ink);background:var(--ground);text-align:start;direction:inherit;overflow-wrap:break-word}
h2,h3,p,fieldset,legend,dialog{margin:0;padding:0;border:0}
h2{font-size:18px;line-height:1.3;font-weight:650;margin-bottom:8px;outline-offset:4px}
h3{font-size:16px;font-weight:650;margin-bottom:4px}
p{margin-bottom:8px}
button,input,select,textarea{font:inherit;color:inherit;letter-spacing:inherit}
button{cursor:pointer}
a{color:var(--ink)}
:focus-visible{outline:3px solid var(--ink);outline-offset:2px}
.float{position:fixed;z-index:2147483647;width:400px;max-width:calc(100vw - 24px);max-height:calc(100dvh - 24px);overflow:auto;
border-radius:12px;border:1px solid var(--line);box-shadow:0 8px 32px #0004;padding:16px}
.bottom_right{inset:auto 12px 12px auto}.bottom_left{inset:auto auto 12px 12px}
.top_right{inset:12px 12px auto auto}.top_left{inset:12px auto auto 12px}
dialog.float{inset:0;margin:auto;width:560px;color:var(--ink);background:var(--ground)}
dialog::backdrop{background:#0b1320a6}
.inline{padding:16px;border:1px solid var(--line);border-radius:12px}
.top{display:flex;justify-content:flex-end;margin:-8px -8px 0 0;float:inline-end}
.x{inline-size:40px;block-size:40px;padding:10px;border:0;border-radius:8px;background:none;color:var(--dim)}
.x:hover{background:var(--soft)}
svg{display:block;width:100%;height:100%;fill:none;stroke:currentColor;stroke-width:1.7;stroke-linecap:round;stroke-linejoin:round}
.eye{fill:currentColor}
.logo{display:block;max-height:36px;max-width:60%;margin-bottom:8px}
.question{margin:0 0 18px;min-inline-size:0}
.title{display:block;font-weight:600;margin-bottom:6px;padding:0}
.must,.error{color:var(--bad)}
.hint,.purpose,.ends{color:var(--dim);font-size:14px}
.error{margin:6px 0 0;font-size:14px;font-weight:600}
.status:empty{display:none}
.status{background:var(--soft);padding:8px 12px;border-radius:8px}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.text{display:block;width:100%;min-height:44px;padding:9px 12px;border:1px solid var(--line);border-radius:8px;background:var(--ground)}
textarea.text{resize:vertical}
[aria-invalid=true].text,[aria-invalid=true] .text{border-color:var(--bad)}
::placeholder{color:var(--dim);opacity:1}
.pick{position:relative;display:flex;align-items:center;gap:10px;min-height:44px;border:1px solid var(--line);border-radius:8px;
background:var(--ground);cursor:pointer;text-align:start}
.pick input{position:absolute;inset:0;opacity:0;margin:0;width:100%;height:100%;cursor:pointer}
.pick:focus-within{outline:3px solid var(--ink);outline-offset:2px}
.pick:focus-within:not(:has(:focus-visible)){outline:0}
.pick:hover{background:var(--soft)}
.card{padding:9px 12px;inline-size:100%}
.card input{position:static;opacity:1;width:20px;height:20px;flex:none;accent-color:var(--a)}
.card:has(:checked),.rank[aria-pressed=true]{border-color:var(--ink);box-shadow:inset 0 0 0 1px var(--ink)}
.place{flex:none;inline-size:26px;block-size:26px;border:1px solid var(--line);border-radius:50%;text-align:center;font-size:14px;line-height:24px}
[aria-pressed=true] .place{background:var(--a);color:var(--on)}
.points{display:grid;grid-auto-flow:column;grid-auto-columns:1fr;gap:4px}
.many{grid-auto-flow:row;grid-template-columns:repeat(var(--n),1fr)}
.point{justify-content:center;min-width:0}
.point:has(:checked){background:var(--a);border-color:var(--a);color:var(--on);font-weight:700}
.stars,.faces{border:0;justify-content:center;padding:4px;min-width:0;color:var(--dim)}
.stars svg,.faces svg{max-width:40px;height:40px;margin:auto}
.stars.on svg{fill:var(--a);stroke:var(--a)}
.stars.on,.faces.on,.faces:has(:checked){color:var(--ink)}
.faces:has(:checked){box-shadow:inset 0 0 0 2px var(--ink);background:var(--soft)}
.ends{display:flex;justify-content:space-between;gap:12px;margin-top:4px}
.ends span:last-child{text-align:end}
.two{display:grid;grid-template-columns:1fr 1fr;gap:8px}
.stack,.matrix{display:grid;gap:8px}
.wrap{display:flex;flex-wrap:wrap;gap:6px}
.wrap .card{inline-size:auto}
.matrix fieldset,.task{min-inline-size:0}
.row{font-weight:500;margin-bottom:4px;padding:0}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(120px,1fr));gap:8px}
.picture{flex-direction:column;padding:8px;text-align:center}
.picture img{width:100%;aspect-ratio:4/3;object-fit:cover;border-radius:6px}
.picture:has(:checked){box-shadow:inset 0 0 0 3px var(--ink)}
.slider{display:grid;grid-template-columns:1fr auto;gap:4px 12px;align-items:center}
.slider input{width:100%;height:44px;accent-color:var(--a)}
.slider .ends{grid-column:1/-1}
.shown{min-width:40px;text-align:end;font-weight:650}
.line{display:flex;gap:12px;align-items:center;justify-content:space-between}
.line .part{width:110px;flex:none}
.task-row{display:grid;grid-template-columns:56px 1fr 56px;align-items:center;gap:8px;text-align:center;border-top:1px solid var(--line)}
.head{border:0;font-size:14px;color:var(--dim)}
.spot{display:grid;place-items:center;min-height:44px;cursor:pointer}
.spot input{width:22px;height:22px;accent-color:var(--a)}
.files{list-style:none;margin:0;padding:0}
.files li{display:flex;justify-content:space-between;align-items:center}
.foot{display:flex;gap:8px;justify-content:flex-end;align-items:center}
.main,.quiet{min-height:44px;padding:9px 18px;border-radius:8px;border:1px solid transparent}
.main{background:var(--a);color:var(--on);font-weight:600}
.quiet{background:none;border-color:var(--line)}
button:disabled{opacity:.6;cursor:progress}
progress{display:block;width:100%;height:6px;margin-top:14px;accent-color:var(--a)}
.purpose{margin:12px 0 0}
.launch{position:fixed;z-index:2147483646;padding:10px 16px;min-height:44px;border:0;border-radius:22px;background:var(--a);
color:var(--on);font-weight:600;box-shadow:0 4px 16px #0004;max-width:calc(100vw - 24px)}
@media (prefers-reduced-motion:no-preference){
.slide_in,dialog.float{animation:in .25s ease-out}
@keyframes in{from{opacity:0;transform:translateY(16px)}}}
@media (forced-colors:active){.pick:has(:checked){outline:3px solid Highlight}.on svg{fill:Highlight}}
`;
