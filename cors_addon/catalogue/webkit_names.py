"""Names for what WebKit says when it refuses a request: it has sentences and no identifiers, so these are ours.

Each name stands for one sentence of Safari's console (Web Inspector), for ever; the text says how to recognise it.
Sources: ``Source/WebCore/loader/CrossOriginAccessControl.cpp``, ``CrossOriginPreflightResultCache.cpp`` and
``Source/WebKit/NetworkProcess/NetworkLoadChecker.cpp``; each name that can occur was seen in WebKitGTK 2.50.6.
"""

from typing import Final

SENTENCES: Final = {
    "PreflightNotSuccessful": "says that the preflight response was no success, and gives its status code",
    "OriginNotAllowed": "names the page's origin, which Access-Control-Allow-Origin does not allow, and a status code",
    "MoreThanOneOrigin": "says that Access-Control-Allow-Origin holds more than one origin",
    "WildcardWithCredentials": "says that the origin's wildcard and the credentials flag do not go together",
    "CredentialsNotTrue": "says that the credentials flag is set, and Access-Control-Allow-Credentials is not true",
    "AllowMethodsInvalid": "says that the value of Access-Control-Allow-Methods is invalid, and quotes it",
    "AllowHeadersInvalid": "says that the value of Access-Control-Allow-Headers is invalid, and quotes it",
    "MethodNotAllowed": "names the method that Access-Control-Allow-Methods does not allow",
    "HeaderNotAllowed": "names the request header field that Access-Control-Allow-Headers does not allow",
    "RedirectionNonCorsScheme": "names the redirection's target, whose scheme is none that CORS knows",
    "RedirectionHasCredentials": "names the redirection's target, whose URL has credentials",
    "TooManyRedirections": "says that a load follows no more than 20 redirections",
}
"""The name of each sentence, and what the sentence says."""
