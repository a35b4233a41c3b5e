/** Draws the example picture: `node models/photo/draw-example.ts`. */
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import sharp from 'sharp'

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="420" viewBox="0 0 640 420">
<defs>
  <linearGradient id="sky" x2="0" y2="1"><stop offset="0" stop-color="#27476e"/><stop offset=".55" stop-color="#e8956b"/><stop offset="1" stop-color="#f7d9a0"/></linearGradient>
  <linearGradient id="sea" x2="0" y2="1"><stop offset="0" stop-color="#c97f5e"/><stop offset="1" stop-color="#1c3350"/></linearGradient>
</defs>
<rect width="640" height="280" fill="url(#sky)"/>
<circle cx="190" cy="238" r="46" fill="#fff1c9"/>
<rect y="262" width="640" height="158" fill="url(#sea)"/>
<path d="M150 280h84M128 300h116M166 322h70M110 346h130" stroke="#ffe3b0" stroke-width="5" stroke-linecap="round"/>
<path d="M640 236C560 226 470 262 430 300C390 336 330 344 300 420H640Z" fill="#22301f"/>
<path d="M420 92L0 24V100Z M476 92L640 52V110Z" fill="#fff6d0" opacity=".35"/>
<path d="M424 120H472L486 290H410Z" fill="#f3eee6"/>
<path d="M421 158H475L478 196H418Z M415 232H481L484 270H412Z" fill="#b5342c"/>
<rect x="414" y="110" width="68" height="12" fill="#3a3a44"/>
<rect x="428" y="76" width="40" height="34" fill="#fff0a8"/>
<path d="M420 78L448 50L476 78Z" fill="#b5342c"/>
<path d="M428 76V110M441 76V110M455 76V110M468 76V110" stroke="#3a3a44" stroke-width="3"/>
<path d="M505 262h66v44h-66z" fill="#d8c9ae"/><path d="M496 264L538 232L580 264Z" fill="#7a3b2e"/>
<rect x="520" y="274" width="14" height="16" fill="#ffd777"/><rect x="548" y="274" width="14" height="16" fill="#ffd777"/>
<path d="M60 130q10-12 20 0q10-12 20 0M110 160q8-10 16 0q8-10 16 0" fill="none" stroke="#1c2a3c" stroke-width="3"/>
</svg>`

const folder = fileURLToPath(new URL('./examples/', import.meta.url))
await mkdir(folder, { recursive: true })
await sharp(Buffer.from(SVG)).png({ palette: true, quality: 90 }).toFile(`${folder}lighthouse.png`)
