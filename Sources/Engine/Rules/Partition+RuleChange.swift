import Core

/// What changes rules from outside: settings, models, and what users say.
extension Partition {
    /// Takes changed declarations: rules of the same name keep what they know.
    func adoptRules(_ changed: RuleSettings, before old: RuleSettings) {
        let book = RuleBook.make(changed, names: rules.names)
        book.inherit(rules)
        rules = book
        arbiter.adopt(changed, before: old)
        contactsDay = .min
        readyRules()
        startDailies()
    }

    /// A model has come into use: what it says may have crossed a bound.
    func adopted(_ verdict: VerdictEntry) {
        nameSegments()
        // Numbers from 128 on are those of segmentations under names of their own.
        let model =
            SettingsKeys.knownModels.firstIndex(of: verdict.name).map { $0 + 1 }
            ?? Int(Segmentation.hash(verdict.name) | 0x80) & 0xFF
        sweepCrossings(due: verdict.instant, occurrence: model << 24 + verdict.version)
        decideCandidates()
    }

    /// Once a day, forgets whom nothing was sent for so long that no cap and no set asks for it. It goes by days, so
    /// that what is left does not depend on where records are cut.
    func forgetContacts() {
        guard !arbiter.contacts.isEmpty || !arbiter.sets.isEmpty else { return }
        let today = day(of: frontier)
        guard today > contactsDay else { return }
        contactsDay = today
        let longest = settings.declared.arbitration.exclusive.map(\.within).max() ?? 0
        arbiter.compact(today: today, before: settings.zone.start(of: today).microseconds - longest)
    }

    func take(_ contact: ContactEntry) {
        arbiter.profiles[contact.mark, default: ContactProfile()].merge(contact.profile)
    }

    /// Applies rows of which some say something of consent or profile: it counts from the row after on, as a
    /// control line there would. What says nothing new costs a look, and no repeat of an event says anything.
    func applyWithContacts(_ batch: borrowing BatchView, startFrontier: Int64) {
        let end = Int(batch.starts[number + 1])
        var applied = Int(batch.starts[number])
        func apply(to next: Int) {
            guard next > applied else { return }
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: batch.starts.count) { starts in
                starts.initialize(repeating: UInt32(applied))
                for place in number + 1..<starts.count { starts[place] = UInt32(next) }
                self.apply(batch.between(UnsafeBufferPointer(starts)), startFrontier: startFrontier)
            }
            applied = next
        }
        for position in applied..<end {
            let row = batch.rows[Int(batch.order[position])]
            guard row.contact != 0, let said = ContactProfile(packed: batch.entry(row.contact - 1)) else {
                continue
            }
            let mark = storeKey.erasureMark(of: Array(batch.bytes(row.userOffset, row.userLength)))
            let known = arbiter.profiles[mark] ?? ContactProfile()
            var merged = known
            merged.merge(said)
            if merged == known { continue }
            apply(to: position)
            let repeats = duplicateCount
            apply(to: position + 1)
            if duplicateCount == repeats { arbiter.profiles[mark] = merged }
        }
        apply(to: end)
    }
}

extension Arbiter {
    /// Channels and sets are known by their places, which may have moved.
    mutating func adopt(_ changed: RuleSettings, before old: RuleSettings) {
        decisions.setLimit(changed.decisions)
        let (new, was) = (changed.arbitration, old.arbitration)
        if new.channelCaps.map(\.channel) != was.channelCaps.map(\.channel) {
            let places = new.channelCaps.map { cap in
                was.channelCaps.firstIndex { $0.channel == cap.channel }
            }
            for slot in contacts.keys { contacts[slot]?.rearrange(places) }
        }
        guard new.exclusive.map(\.name) != was.exclusive.map(\.name) else { return }
        var moved: [UInt64: Int64] = [:]
        for (key, due) in sets {
            guard Int(key & 0xFF) < was.exclusive.count else { continue }
            let name = was.exclusive[Int(key & 0xFF)].name
            guard let place = new.exclusive.firstIndex(where: { $0.name == name }) else { continue }
            moved[key & ~0xFF | UInt64(place)] = due
        }
        sets = moved
    }
}

extension BatchView {
    /// The same rows under other bounds of the partitions.
    func between(_ starts: UnsafeBufferPointer<UInt32>) -> BatchView {
        BatchView(
            rows: rows, items: items, text: text, dictionary: dictionary, hashes: hashes, codes: codes,
            order: order, starts: starts, nows: nows)
    }
}
