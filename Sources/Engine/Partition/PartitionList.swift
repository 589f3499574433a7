import Core
import Models

/// A list of users as they were at one journal position, read while the partition goes on: whoever is
/// about to change and has not been read yet is kept as they were.
final class PartitionList {
    /// Users there when the list was opened.
    let limit: Int
    /// Next slot to read.
    var cursor = 0
    /// Users kept, by slot.
    var kept: [Int: UserView] = [:]
    /// When the list was opened.
    let now: Int64
    /// Names of events when the list was opened.
    let names: EventNames
    let filter: UserFilter

    init(limit: Int, now: Int64, names: EventNames, filter: UserFilter) {
        self.limit = limit
        self.now = now
        self.names = names
        self.filter = filter
    }
}

extension Partition {
    func openList(names: EventNames, filter: UserFilter) -> PartitionList {
        let list = PartitionList(limit: users.count, now: now, names: names, filter: filter)
        lists.append(list)
        return list
    }

    func closeList(_ list: PartitionList) { lists.removeAll { $0 === list } }

    /// Keeps a user as they are for the lists that have not read them. Called before a change.
    func preserve(_ slot: Int) {
        for list in lists where slot < list.limit && slot >= list.cursor && list.kept[slot] == nil {
            guard users[slot].pointee.nameCount > 0 else { continue }
            list.kept[slot] = view(slot, names: list.names, now: list.now)
        }
    }

    /// Keeps all users whom a change concerns as they are. Called before it.
    func preserveAll(where concerned: (UnsafeMutablePointer<UserRecord>) -> Bool = { _ in true }) {
        if lists.isEmpty { return }
        for slot in 0..<users.count where concerned(users[slot]) { preserve(slot) }
    }

    /// Up to so many of the next users; empty at the end.
    func read(_ list: PartitionList, _ count: Int) -> [UserView] {
        var result: [UserView] = []
        while result.count < count, list.cursor < list.limit {
            let slot = list.cursor
            list.cursor += 1
            if users[slot].pointee.has(UserRecord.erased) { continue }
            let kept = list.kept.removeValue(forKey: slot)
            // Who is as they were is left out before all of them is looked at.
            if kept == nil, !isListed(slot, list.filter) { continue }
            let user = kept ?? view(slot, names: list.names, now: list.now)
            if !list.filter.passes(user) { continue }
            result.append(user)
        }
        return result
    }

    private func isListed(_ slot: Int, _ filter: UserFilter) -> Bool {
        if filter.isEmpty { return true }
        if let segment = filter.segment, !isIn(slot, segment, by: filter.segmentation) { return false }
        if filter.tier == nil, filter.grade == nil { return true }
        guard let account = account(slot)?.pointee else { return false }
        if let tier = filter.tier {
            if account.tier == 0 || TierRule.names[Int(account.tier) - 1] != tier { return false }
        }
        if let grade = filter.grade {
            if account.grade == 0 || GradeRule.names[Int(account.grade) - 1] != grade { return false }
        }
        return true
    }

    private func isIn(_ slot: Int, _ segment: String, by segmentation: String?) -> Bool {
        if let segmentation { return isMember(slot, of: segment, by: segmentation) }
        let number = Int(users[slot].pointee.segment)
        return number != 0 && segments.name(number - 1) == segment
    }
}

extension UserFilter {
    fileprivate func passes(_ user: UserView) -> Bool {
        isIn(user) && (tier == nil || user.tier?.name == tier) && (grade == nil || user.grade == grade)
    }

    private func isIn(_ user: UserView) -> Bool {
        guard let segment else { return true }
        guard let segmentation else { return user.segment?.name == segment }
        return user.memberships.contains { $0.segmentation == segmentation && $0.segment.name == segment }
    }
}
