"""Who holds rights of the stack's own: its roles, and whoever has one of its managed policies attached."""

from dataclasses import dataclass
from functools import cache

from tests.policies.deployed import arn_of, deployed, documents_of_roles, resolved
from tests.policies.documents import Document, guard_documents
from tests.policies.requesters import user


@dataclass(frozen=True)
class Holder:
    """`documents` and `boundary` are names in `documents_of_holders`."""

    name: str
    principal: str
    documents: tuple[str, ...]
    boundary: str | None = None

    @property
    def context(self) -> dict[str, str | list[str]]:
        return {"aws:username": "olga"} if ":user/" in self.principal else {}


@cache
def holders() -> dict[str, Holder]:
    """By name: a function's role by the function, other roles and managed policies by their logical IDs."""
    found = [
        Holder(
            name=logical_id.removesuffix("FunctionRole"),
            principal=arn_of(logical_id),
            documents=tuple(f"{logical_id} {number}" for number in range(len(documents))),
            boundary=deployed()[logical_id]["Properties"].get("PermissionsBoundary", {}).get("Ref"),
        )
        for logical_id, documents in documents_of_roles().items()
    ]
    # What boundaries leave open, SelfService before MFA, and what restricts and suspends, is proven on its own.
    found += [
        Holder(name=logical_id, principal=user("olga"), documents=(logical_id,))
        for logical_id in guard_documents()
        if not logical_id.startswith("Boundary") and logical_id not in ("SelfService", "Restricted", "Suspended")
    ]
    return {holder.name: holder for holder in sorted(found, key=lambda holder: holder.name)}


@cache
def documents_of_holders() -> dict[str, Document]:
    of_roles = {
        f"{logical_id} {number}": document
        for logical_id, documents in documents_of_roles().items()
        for number, document in enumerate(documents)
    }
    of_policies = {
        logical_id: resolved(resource["Properties"]["PolicyDocument"])
        for logical_id, resource in deployed().items()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
    }
    return of_roles | of_policies
