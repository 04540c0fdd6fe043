"""Host names by which services are known: platforms that people configure, and services of third parties.

In a key, ``*`` stands for one label, such as a region.
"""

from typing import Final


def _table(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, hosts = line.partition(": ")
        found.update(dict.fromkeys(hosts.split(), name))
    return found


PLATFORM_HOSTS: Final = _table("""
    Amazon S3: s3.amazonaws.com s3.*.amazonaws.com s3-accelerate.amazonaws.com
    Amazon API Gateway: execute-api.*.amazonaws.com
    AWS Lambda function URL: lambda-url.*.on.aws
    AWS AppSync: appsync-api.*.amazonaws.com
    Amazon Cognito: amazoncognito.com cognito-idp.*.amazonaws.com
    CloudFront: cloudfront.net
    Google Cloud Storage: storage.googleapis.com storage.cloud.google.com firebasestorage.googleapis.com
    Google Cloud Functions: cloudfunctions.net
    Google Apps Script: script.google.com script.googleusercontent.com
    Google sign-in: accounts.google.com
    Azure Blob Storage: blob.core.windows.net
    Azure CDN: azureedge.net azurefd.net
    Azure API Management: azure-api.net
    Microsoft Entra ID: login.microsoftonline.com login.windows.net login.live.com b2clogin.com ciamlogin.com
    Cloudflare R2: r2.cloudflarestorage.com r2.dev
    Cloudflare Access: cloudflareaccess.com
    DigitalOcean Spaces: digitaloceanspaces.com
    Backblaze B2: backblazeb2.com
    Wasabi: wasabisys.com
    bunny.net: b-cdn.net
    Font Awesome: kit.fontawesome.com ka-f.fontawesome.com ka-p.fontawesome.com
    Supabase: supabase.co
    Auth0: auth0.com
    Okta: okta.com oktapreview.com
    Convex: convex.site
    Salesforce: salesforce.com force.com
    ServiceNow: service-now.com
    Clerk: clerk.accounts.dev
    WorkOS: workos.com
    Box: api.box.com
    BigCommerce: mybigcommerce.com
    OneLogin: onelogin.com
""")

APPLICATION_HOSTS: Final = _table("""
    Cloud Run: run.app
    App Engine: appspot.com
    Vercel: vercel.app now.sh
    Netlify: netlify.app
    Cloudflare: workers.dev pages.dev
    Azure App Service: azurewebsites.net
    Azure Container Apps: azurecontainerapps.io
    Heroku: herokuapp.com
    Render: onrender.com
    Railway: railway.app
    Fly.io: fly.dev
    Deno Deploy: deno.dev
    Elastic Beanstalk: elasticbeanstalk.com
    Firebase Hosting: web.app firebaseapp.com
    GitHub Codespaces: app.github.dev github.dev
    Dev tunnels: devtunnels.ms tunnels.api.visualstudio.com
    ngrok: ngrok.io ngrok.app ngrok.dev ngrok-free.app ngrok-free.dev
    localtunnel: loca.lt
    Cloudflare Tunnel: trycloudflare.com
""")
"""Where people run programs of their own, or lead to them by a tunnel: sent is what these programs say."""

THIRD_PARTIES: Final = _table("""
    GitHub: github.com api.github.com githubusercontent.com githubassets.com ghcr.io
    GitLab: gitlab.com
    Bitbucket: bitbucket.org
    Google: google.com googleapis.com gstatic.com youtube.com ytimg.com ggpht.com googleusercontent.com googlevideo.com
    OpenAI: api.openai.com
    Anthropic: api.anthropic.com
    Mistral: api.mistral.ai
    Groq: api.groq.com
    DeepSeek: api.deepseek.com
    Perplexity: api.perplexity.ai
    Hugging Face: huggingface.co hf.co
    ElevenLabs: api.elevenlabs.io
    Replicate: api.replicate.com
    Stripe: stripe.com
    PayPal: paypal.com
    Square: squareup.com
    Plaid: plaid.com
    Twilio: twilio.com
    SendGrid: api.sendgrid.com
    Mailchimp: mailchimp.com mandrillapp.com
    Mailgun: mailgun.net
    Slack: slack.com
    Discord: discord.com discordapp.com discordapp.net
    Telegram: api.telegram.org t.me
    WhatsApp: whatsapp.com
    Meta: facebook.com fbcdn.net instagram.com cdninstagram.com graph.facebook.com
    X: twitter.com x.com twimg.com
    Reddit: reddit.com redd.it redditmedia.com
    LinkedIn: linkedin.com
    TikTok: tiktok.com
    Pinterest: pinterest.com
    Twitch: twitch.tv
    Spotify: spotify.com
    Steam: steampowered.com steamcommunity.com
    Riot Games: riotgames.com
    Notion: api.notion.com
    Airtable: api.airtable.com
    Atlassian: atlassian.com atlassian.net trello.com
    Zoom: zoom.us
    Dropbox: dropbox.com dropboxapi.com dropboxusercontent.com
    Box: box.com
    Microsoft Graph: graph.microsoft.com
    SharePoint: sharepoint.com
    HubSpot: hubspot.com hubapi.com hsforms.com
    Zendesk: zendesk.com
    Intercom: intercom.io
    Shopify: shopify.com myshopify.com
    eBay: ebay.com
    Etsy: etsy.com
    Yelp: yelp.com
    Amazon: amazon.com media-amazon.com
    Wikimedia: wikipedia.org wikimedia.org wikidata.org
    OpenStreetMap: openstreetmap.org
    Mapbox: mapbox.com
    OpenWeather: openweathermap.org
    DeepL: deepl.com
    CoinGecko: coingecko.com
    Binance: binance.com
    Yahoo: yahoo.com yahooapis.com
    jsDelivr: jsdelivr.net
    unpkg: unpkg.com
    cdnjs: cdnjs.cloudflare.com
    Cloudflare API: api.cloudflare.com
    Sentry: sentry.io
    Algolia: algolia.net algolianet.com algolia.com
    Figma: figma.com
    Contentful: contentful.com
    IFTTT: ifttt.com
    Zapier: zapier.com
    Make: make.com
    Cohere: api.cohere.com api.cohere.ai
    Together: api.together.xyz
    xAI: api.x.ai
    Azure OpenAI: openai.azure.com
    Coinbase: coinbase.com
    Kraken: kraken.com
    Etherscan: etherscan.io
    Alpha Vantage: alphavantage.co
    News API: newsapi.org
    Mojang: mojang.com minecraftservices.com
    Roblox: roblox.com
    LeetCode: leetcode.com
    Medium: medium.com
    Substack: substack.com
    WordPress.com: wordpress.com
    Webflow: api.webflow.com
    Asana: app.asana.com
    ClickUp: api.clickup.com
    Monday: api.monday.com
    Linear: api.linear.app
    Overpass API: overpass-api.de
    Supercell: clashofclans.com clashroyale.com brawlstars.com
    NSE India: nseindia.com
    Adobe: adobe.io
    Vimeo: vimeo.com
    SoundCloud: soundcloud.com
    Genius: genius.com
    Unsplash: unsplash.com
    TMDB: themoviedb.org
    Blizzard: battle.net blizzard.com
    Fitbit: fitbit.com
    Strava: strava.com
    Calendly: calendly.com
    Klaviyo: klaviyo.com
    ActiveCampaign: activehosted.com
    Postmark: postmarkapp.com
    Resend: api.resend.com
    Brevo: brevo.com sendinblue.com
    Razorpay: razorpay.com
    Paystack: paystack.co
    QuickBooks: intuit.com
    Xero: xero.com
    Dynamics 365: dynamics.com
    NVIDIA: api.nvidia.com
    Ollama's cloud: ollama.com
    OpenRouter: openrouter.ai
    Swiggy: swiggy.com
    Zomato: zomato.com
    football-data.org: football-data.org
    API-Football: api-sports.io
    Safaricom: safaricom.co.ke
    Reqres: reqres.in
    corsproxy.io: corsproxy.io
    AllOrigins: allorigins.win
    CoinMarketCap: coinmarketcap.com
    Finnhub: finnhub.io
    Tiingo: tiingo.com
    LibreTranslate: libretranslate.com
    Pexels: pexels.com
    Giphy: giphy.com
    Freshdesk: freshdesk.com
    Pipedrive: pipedrive.com
    Mailjet: mailjet.com
    Jotform: jotform.com
    Typeform: typeform.com
    Zoho: zoho.com zohoapis.com zoho.eu zoho.in
""")
