import Core
import Models

extension Partition {
    /// What must hold of a restored partition before it is used: everything that is an address, a length or
    /// the summand of a sum. Bytes that pass may still be wrong, but they cannot lead outside the state.
    func check() throws(StateError) {
        try require("clock", isTime(frontier) && isTime(now))
        for slot in 0..<users.count {
            if slot + 8 < users.count { pool.prefetchBlock(users[slot + 8].pointee.tail) }
            try checkUser(slot)
        }
        for index in 0..<accounts.count { try checkAccount(index) }
        try due.forEach { (entry) throws(StateError) in
            try require("timer", Int(entry.slot) < users.count && isTime(entry.due))
        }
        for entry in pending.entries {
            try require("event", Int(entry.slot) < users.count && isTime(entry.time))
        }
        let purchases = pending.entries.count { $0.code == EventNames.purchase }
        try require("purchase", pendingPurchases.count == purchases)
        for entry in pendingPurchases.entries {
            try require("purchase", Int(entry.slot) < users.count && isTime(entry.time))
        }
        var number = stages.base
        while number < stages.next {
            let entry = stages.entry(number).pointee
            try require("stage", isTime(entry.time) && isTime(entry.pendingTime) || entry.time == .min)
            number += 1
        }
        try require("item", areItemsWhole())
        try checkBackFill()
    }

    private func checkBackFill() throws(StateError) {
        for entry in backFill.waiting.entries {
            try require("back-fill", Int(entry.slot) < users.count && isTime(entry.time))
        }
        try require("back-fill", backFill.head == .min || isTime(backFill.head))
        try require("back-fill", isTime(backFill.touched) && isTime(backFill.begun))
        for index in backFill.cursor..<backFill.entries.count {
            let entry = backFill.entries[index].pointee
            try require("back-fill", Int(entry.slot) < users.count || entry.slot == .max)
            try require("back-fill", isTime(entry.last) && isTime(entry.stageTime))
            for time in [entry.purchase, entry.signUp] {
                try require("back-fill", time == .min || isTime(time))
            }
        }
    }

    private func require(_ what: String, _ holds: Bool) throws(StateError) {
        if !holds { throw StateError("partition \(number): a \(what) of the snapshot cannot be") }
    }

    /// Far beyond what a line may carry, and far from where sums overflow.
    private func isTime(_ time: Int64) -> Bool {
        time >= EventTime.distantPast.microseconds && time <= EventTime.distantFuture.microseconds
    }

    private func checkUser(_ slot: Int) throws(StateError) {
        let user = users[slot]
        let record = user.pointee
        try require("user", Int(record.account) <= accounts.count)
        try require("user", isTime(record.firstSeen) && isTime(record.lastSeen))
        try require("user", isTime(record.shortStart) && isTime(record.longStart))
        try require("user", record.lastDecided == .min || isTime(record.lastDecided))
        try require("user", isTime(record.shortTotal) && isTime(record.longTotal))
        try require("user", record.shortCount < 1 << 31 && record.longCount < 1 << 31)
        try require(
            "user", record.segment == 0 || segments.isFitted && record.segment <= SegmentState.idLimit)
        try require(
            "user", pool.holds(record.tail, sizeClass: record.tailClass, used: Tail.byteCount(user)))
        guard record.tail != 0 else { return }
        let tail = pool.tail(user)
        for index in 0..<Int(record.shortKept) {
            try require("session", isTime(tail.short[index].start) && isTime(tail.short[index].end))
        }
        for index in 0..<Int(record.longKept) {
            try require("session", isTime(tail.long[index].start) && isTime(tail.long[index].end))
        }
        for index in 0..<Int(record.dimensionCount) {
            try require("value", tail.dimensions[index].value < strings.count)
        }
    }

    private func checkAccount(_ index: Int) throws(StateError) {
        let record = accounts[index].pointee
        try require("account", record.firstPurchase == .max || isTime(record.firstPurchase))
        for time in [record.lastPurchase, record.lastPurchaseDecided, record.pendingSignUp] {
            try require("account", time == .min || isTime(time))
        }
        let days = record.dayBytes
        let amounts = Int(record.amountCount) * MemoryLayout<AmountEntry>.stride
        try require("account", pool.holds(record.days, sizeClass: record.daysClass, used: days))
        try require("account", pool.holds(record.amounts, sizeClass: record.amountsClass, used: amounts))
        try require(
            "account",
            pool.holds(record.recent, sizeClass: record.recentClass, used: Int(record.recentBytes)))
        try require(
            "tier",
            Int(max(record.tier, record.tierBest)) <= TierRule.names.count
                && Int(record.grade) <= GradeRule.names.count
                && Int(record.segmentAtLastPurchase) <= SegmentState.idLimit)
        // Who bought has a day; the days of an account are counted before anything asks for them.
        try require("account", (record.purchaseCount > 0) == (record.dayCount > 0))
        if amounts > 0 {
            let entries = pool.address(record.amounts).assumingMemoryBound(to: AmountEntry.self)
            for index in 0..<Int(record.amountCount) {
                try require("amount", entries[index].value < strings.count)
            }
        }
        if days > 0 {
            let entries = pool.address(record.days).assumingMemoryBound(to: PurchaseDay.self)
            for index in 0..<Int(record.dayCount) {
                try require("purchase day", abs(Int64(entries[index].day)) < 1 << 30)
            }
        }
        try require("purchase", recentPurchasesAreWhole(accounts[index]))
    }
}
