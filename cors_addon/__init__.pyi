from .api import Problem as Problem
from .api import Result as Result
from .api import check as check
from .api import judge_har as judge_har

__version__: str
