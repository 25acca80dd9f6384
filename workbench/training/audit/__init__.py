"""The audit: twelve checks of data, preparation, target and network, before anything is trained.

A check that does not concern the kind of data says nothing; each threshold stands as a constant beside its reason.
"""

from workbench.training.audit.finding import Finding as Finding
from workbench.training.audit.finding import Findings as Findings
from workbench.training.audit.look import audit as audit
from workbench.training.audit.rehearsal import rehearse as rehearse
