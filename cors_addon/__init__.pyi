from .api import Problem as Problem
from .api import Result as Result
from .api import check as check
from .api import judge_har as judge_har
from .mitm.verdicts import verdict_of as verdict_of

__version__: str
