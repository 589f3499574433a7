import Core

/// Rules of the configuration: `triggers.NAME`, and a playbook beside it.
extension SettingsWalk {
    /// Names under which `triggers` has keys of its own that are no rules.
    private static let shared: Set<String> = ["caps", "budget"]

    /// Whether a member of `triggers` is a rule, built in or declared.
    func isRule(_ member: JSON5Node.Member) -> Bool {
        let name = "triggers.\(member.key)"
        if Self.keys[name] != nil || Self.shared.contains(member.key) { return false }
        if Self.groups.contains(name) { return true }
        guard case .object(let members) = member.value.content else { return false }
        return members.contains { $0.key == "on" } || RuleDeclaration.isName(member.key)
    }

    /// Takes a rule: keys that the built-in one has as any other key, the rest as a declaration.
    mutating func visitRule(_ member: JSON5Node.Member, zone: (String) -> Zone?) {
        let path = ["triggers", member.key]
        let name = path.joined(separator: ".")
        let isBuiltIn = Self.groups.contains(name)
        guard case .object(let members) = member.value.content else {
            return report(path, member.value.place, "must be an object, not \(member.value.value.kindText)")
        }
        places[name] = member.value.place
        var rest: [JSON5Node.Member] = []
        var seen: [String: Int] = [:]
        for inner in members {
            if let line = seen[inner.key] {
                report(path + [inner.key], inner.place, "given twice, first in line \(line)")
            } else if Self.keys["\(name).\(inner.key)"] != nil {
                visit(inner.value, path: path + [inner.key], zone: zone)
            } else {
                rest.append(inner)
            }
            seen[inner.key] = seen[inner.key] ?? inner.place.line
        }
        if isBuiltIn, rest.isEmpty { return }
        declare(member, rest, isBuiltIn: isBuiltIn)
    }

    private mutating func declare(
        _ member: JSON5Node.Member, _ members: [JSON5Node.Member], isBuiltIn: Bool
    ) {
        let path = ["triggers", member.key]
        // What concerns no user is arbitrated between no users.
        let overlay = member.key == "sales_decline" ? [] : RuleDeclaration.overlayKeys
        let known = settings.triggers.declared.firstIndex { $0.name == member.key }
        var rule = known.map { settings.triggers.declared[$0] } ?? RuleDeclaration(name: member.key)
        var taken = members
        // The occasion first, so that its delay does not hide one that is given.
        if let place = taken.firstIndex(where: { $0.key == "on" }) {
            taken.insert(taken.remove(at: place), at: 0)
        }
        if !RuleDeclaration.isName(member.key) {
            report(path, member.place, "a rule's name is a-z, 0-9 and _, and begins with a letter")
        }
        for inner in taken where isBuiltIn && !overlay.contains(inner.key) {
            report(path + [inner.key], inner.place, unknown(inner.key, in: path.joined(separator: ".")))
        }
        if isBuiltIn { taken.removeAll { !overlay.contains($0.key) } }
        if isBuiltIn, taken.isEmpty { return }
        for refusal in rule.take(taken.map { .init($0.key, $0.value.value) }) {
            report(
                path + refusal.below, Self.place(refusal.below, in: taken) ?? member.value.place,
                refusal.reason)
        }
        for inner in taken { places["triggers.\(member.key).\(inner.key)"] = inner.place }
        if !isBuiltIn, rule.occasion == nil, !taken.contains(where: { $0.key == "on" }) {
            report(path, member.place, Self.reasonAgainst(unknown: member.key))
        }
        if let known { settings.triggers.declared.remove(at: known) }
        let place = settings.triggers.declared.firstIndex { $0.name > rule.name }
        settings.triggers.declared.insert(rule, at: place ?? settings.triggers.declared.count)
    }

    /// A rule that is neither built in nor says when it falls due: most likely a slip.
    private static func reasonAgainst(unknown name: String) -> String {
        let known = Set(groups.filter { $0.hasPrefix("triggers.") }.map { String($0.dropFirst(9)) })
        let near = Spelling.nearest(to: name, among: known.subtracting(shared).sorted())
        return "no trigger of this name is built in, and this one has no on"
            + (near.map { "; did you mean \($0)?" } ?? "")
    }

    private static func place(_ below: [String], in members: [JSON5Node.Member]) -> JSON5Node.Place? {
        guard let first = below.first, let member = members.last(where: { $0.key == first }) else {
            return nil
        }
        return below.count == 1 ? member.place : member.value.place(below: Array(below.dropFirst()))
    }

    // MARK: The playbook

    /// Reads the file that `triggers.playbook` names; what the configuration itself declares comes over it.
    mutating func readPlaybook(_ root: JSON5Node, in directory: String, zone: (String) -> Zone?) {
        guard let node = root.member("triggers")?.member("playbook"),
            case .scalar(.string(let name)) = node.content, !name.isEmpty
        else { return }
        let known = (problems, places)
        do {
            let file = try Self.parse(name.hasPrefix("/") ? name : directory + name)
            guard case .object(let members) = file.content else { throw PlaybookError.notRules }
            for member in members {
                if isRule(member) {
                    visitRule(member, zone: zone)
                } else if member.key == "exclusive" {
                    visit(member.value, path: ["triggers", "exclusive"], zone: zone)
                } else {
                    report([member.key], member.place, "is no rule; a playbook has rules and exclusive")
                }
            }
        } catch {
            return report(["triggers", "playbook"], node.place, "\(name): \(error)")
        }
        let found = problems.dropFirst(known.0.count)
        (problems, places) = known
        for problem in found { report(["triggers", "playbook"], node.place, "\(name), \(problem)") }
    }

    private static func parse(_ path: String) throws -> JSON5Node {
        let bytes = try File.read(path: path)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw PlaybookError.notText }
        do {
            return try JSON5Reader.read(text)
        } catch {
            throw PlaybookError.syntax(
                "line \(error.place.line), column \(error.place.column): \(error.reason)")
        }
    }
}

private enum PlaybookError: Error, CustomStringConvertible {
    case notText
    case notRules
    case syntax(String)

    var description: String {
        switch self {
        case .notText: "is not UTF-8"
        case .notRules: "must be an object of rules"
        case .syntax(let reason): reason
        }
    }
}

extension JSON5Node {
    /// What stands under a key; the last where it is given twice.
    fileprivate func member(_ key: String) -> JSON5Node? {
        guard case .object(let members) = content else { return nil }
        return members.last { $0.key == key }?.value
    }
}
