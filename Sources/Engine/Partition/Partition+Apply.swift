import Core

/// What applying a batch needs to know beyond the partition: the batch and what the ledger made of it.
struct BatchView {
    let rows: UnsafeBufferPointer<EventRow>
    let items: UnsafeBufferPointer<ItemRow>
    let text: UnsafeRawBufferPointer
    let dictionary: UnsafeBufferPointer<TextRange>
    /// Hash of each dictionary entry under the process key.
    let hashes: UnsafeBufferPointer<UInt64>
    /// Name number of each dictionary entry.
    let codes: UnsafeBufferPointer<UInt16>
    let order: UnsafeBufferPointer<UInt32>
    let starts: UnsafeBufferPointer<UInt32>
    /// As in `SequencedBatch`.
    let nows: UnsafeBufferPointer<Int64>

    @inline(__always)
    func bytes(_ offset: UInt32, _ length: UInt16) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: text.baseAddress.unsafelyUnwrapped + Int(offset), count: Int(length))
    }

    @inline(__always)
    func entry(_ index: UInt16) -> UnsafeRawBufferPointer {
        let range = dictionary[Int(index)]
        return UnsafeRawBufferPointer(
            start: text.baseAddress.unsafelyUnwrapped + Int(range.offset), count: Int(range.length))
    }
}

/// `EventRow.absent`, which a call to another module would ask for at every field.
private let absent: UInt16 = 0xFFFF

extension Partition {
    /// Applies this partition's rows of a batch, in order. Synchronous; never suspends.
    ///
    /// - Parameter startFrontier: the frontier before the record.
    func apply(_ batch: borrowing BatchView, startFrontier: Int64) {
        let first = Int(batch.starts[number])
        let end = Int(batch.starts[number + 1])
        if first == end { return }
        if !rules.unknownNames.isEmpty { learnNames(batch) }
        let lateness = terms.allowedLateness
        let moving = batch.nows.count > 0
        expect(before: max(startFrontier, (moving ? batch.nows[batch.nows.count - 1] : clock.end) - lateness))
        resolve(batch, first, end)
        scratchStrings.reserve(batch.dictionary.count)
        scratchStrings.fill(batch.dictionary.count, .max)
        for position in first..<end {
            let index = Int(batch.order[position])
            let row = batch.rows.baseAddress.unsafelyUnwrapped + index
            if position + 2 < end {
                // In the first cache by its turn; the second has it since `resolve`.
                let next = Int(batch.order[position + 2])
                let coming = UnsafeRawPointer(batch.rows.baseAddress.unsafelyUnwrapped + next)
                prefetch(coming)
                prefetch(coming + 64)
                if let nows = batch.nows.baseAddress { prefetch(nows + next) }
                let slot = Int(scratchSlots[position + 2 - first])
                prefetch(users[slot])
                prefetch(UnsafeRawPointer(users[slot]) + 64)
            }
            now = moving ? batch.nows[index] : clock.end
            let target = max(startFrontier, now - lateness)
            // What falls due now did so at a row after this partition's one before, up to this one.
            clock.last = moving ? index + 1 : 0
            if target > frontier { advance(to: target) }
            clock.first = moving ? index : 0
            apply(row, index, slot: Int(scratchSlots[position - first]), batch)
        }
        clock.last = clock.nows.count
    }

    /// Asks for what the decisions due in this record will touch of events that came with earlier ones.
    private func expect(before target: Int64) {
        if pending.isEmpty || pending.first.time >= target { return }
        scratchExpected.reserve(Self.mostExpected)
        // What is due is the top of the heap.
        let entries = pending.entries
        var found = 1
        scratchExpected[0] = 0
        var next = 0
        while next < found {
            let index = Int(scratchExpected[next])
            let slot = Int(entries[index].slot)
            scratchExpected[next] = entries[index].slot
            next += 1
            prefetch(users[slot])
            prefetch(UnsafeRawPointer(users[slot]) + 64)
            let child = 2 * index + 1
            for place in child...child + 1
            where place < entries.count && entries[place].time < target && found < Self.mostExpected {
                scratchExpected[found] = UInt32(truncatingIfNeeded: place)
                found += 1
            }
        }
        for number in 0..<found {
            let slot = Int(scratchExpected[number])
            let user = users[slot]
            if user.pointee.account != 0 { prefetch(account(slot)) }
            if user.pointee.stageLink != 0 { stages.prefetchLatest(user.pointee.stageLink) }
            if followUps.isWaiting(slot) { followUps.prefetchNewest(slot) }
        }
    }

    /// What fits the second cache beside the rows.
    private static let mostExpected = 512

    /// Finds the slots of all rows first, users not yet known being added in order. What the look-ups and
    /// the rows after them will touch is asked for in rounds, so that the misses overlap.
    private func resolve(_ batch: borrowing BatchView, _ first: Int, _ end: Int) {
        scratchSlots.reserve(end - first)
        let rows = batch.rows.baseAddress.unsafelyUnwrapped
        strings.prefetchIndex(batch.hashes)
        for position in first..<end {
            let row = UnsafeRawPointer(rows + Int(batch.order[position]))
            prefetch(row)
            prefetch(row + 64)
            if let nows = batch.nows.baseAddress { prefetch(nows + Int(batch.order[position])) }
        }
        for position in first..<end {
            let row = rows + Int(batch.order[position])
            users.prefetchIndex(hash: row.pointee.userHash)
            prefetch(batch.text.baseAddress.unsafelyUnwrapped + Int(row.pointee.userOffset))
        }
        for position in first..<end {
            let slot = users.prefetchRecord(hash: rows[Int(batch.order[position])].userHash)
            scratchSlots[position - first] = Int32(truncatingIfNeeded: slot)
        }
        for position in 0..<end - first where scratchSlots[position] >= 0 {
            users.prefetchID(Int(scratchSlots[position]))
            let tail = pool.address(users[Int(scratchSlots[position])].pointee.tail)
            prefetch(tail)
            prefetch(tail + 64)
        }
        strings.prefetchEnds(batch.hashes)
        for position in first..<end {
            let row = rows + Int(batch.order[position])
            let id = batch.bytes(row.pointee.userOffset, row.pointee.userLength)
            let likely = Int(scratchSlots[position - first])
            if likely >= 0, users.holds(likely, id) { continue }
            var slot = users.find(id, hash: row.pointee.userHash)
            if slot < 0 {
                slot = users.insert(id, hash: row.pointee.userHash, time: row.pointee.time, key: key)
            }
            scratchSlots[position - first] = Int32(truncatingIfNeeded: slot)
        }
        strings.prefetchText(batch.hashes)
    }

    /// Partition's number of a dictionary entry.
    @inline(__always)
    private func string(_ index: UInt16, _ batch: borrowing BatchView) -> UInt32 {
        let known = scratchStrings[Int(index)]
        if known != .max { return known }
        let number = strings.intern(batch.entry(index), hash: batch.hashes[Int(index)])
        scratchStrings[Int(index)] = number
        return number
    }

    @inline(__always)
    private func apply(
        _ row: UnsafePointer<EventRow>, _ index: Int, slot: Int, _ batch: borrowing BatchView
    ) {
        let time = row.pointee.time
        if row.pointee.flags & EventFlags.hasID != 0, isRepeat(row, slot, batch) {
            duplicateCount += 1
            return
        }
        if !lists.isEmpty { preserve(slot) }
        let user = users[slot]
        let code = batch.codes[Int(row.pointee.name)]
        let isNew = user.pointee.nameCount == 0
        let late = time < frontier
        eventCount += 1
        if late { lateCount += 1 }
        let longBefore = user.pointee.longTotal
        let shortBefore = user.pointee.shortTotal
        let countsBefore = (user.pointee.shortCount, user.pointee.longCount)
        notePath(user, code, time, isNew: isNew)
        countEvent(user, slot, time, isNew: isNew)
        countName(user, code)
        noteEvent(code, time)
        countDimensions(user, slot, row, time, batch)
        if code == EventNames.purchase || code == EventNames.refund
            || row.pointee.flags & EventFlags.couponMask != 0
        {
            countMoney(slot, row, code, time, batch)
            noteCoupon(user, row)
        }
        if row.pointee.dimensions.11 != absent { noteSearch(row.pointee.dimensions.11, batch) }
        if user.pointee.segment != 0 {
            segments.counted(
                user, code: code, longDelta: user.pointee.longTotal - longBefore,
                shortDelta: user.pointee.shortTotal - shortBefore,
                shortCountDelta: Int64(user.pointee.shortCount) - Int64(countsBefore.0),
                longCountDelta: Int64(user.pointee.longCount) - Int64(countsBefore.1))
        }
        arrivals += 1
        if late {
            if time >= user.pointee.lastDecided { user.pointee.profile.merge(profile(row, batch)) }
            decideLate(slot, time: time, code: code, row: UInt32(truncatingIfNeeded: index))
            if code == EventNames.purchase {
                takeLateItems(slot, time, row: UInt32(truncatingIfNeeded: index))
            }
            if followUps.isWaiting(slot) { followUps.happened(slot, at: time, value: spent(row, code)) }
        } else {
            pending.push(
                PendingEntry(
                    time: time, arrival: arrivals, slot: UInt32(truncatingIfNeeded: slot), code: code,
                    facts: facts(row, batch), profile: profile(row, batch)))
            if code == EventNames.purchase { awaitPurchase(row, slot) }
        }
    }

    /// Of a purchase, millionths; nil of another event.
    private func spent(_ row: UnsafePointer<EventRow>, _ code: UInt16) -> Int64? {
        guard code == EventNames.purchase else { return nil }
        return row.pointee.flags & EventFlags.hasValue != 0 ? row.pointee.value : 0
    }

    @inline(never)
    private func awaitPurchase(_ row: UnsafePointer<EventRow>, _ slot: Int) {
        pendingPurchases.push(
            PendingPurchase(
                time: row.pointee.time, arrival: arrivals,
                value: spent(row, EventNames.purchase) ?? 0,
                slot: UInt32(truncatingIfNeeded: slot), items: pendingItems(), isGraded: countsForGrade))
    }

    @inline(__always)
    private func profile(_ row: UnsafePointer<EventRow>, _ batch: borrowing BatchView) -> ProfileCode {
        var profile = ProfileCode()
        let (gender, ageBand) = (row.pointee.dimensions.5, row.pointee.dimensions.6)
        if gender != absent { profile.take(gender: batch.entry(gender)) }
        if ageBand != absent { profile.take(ageBand: batch.entry(ageBand)) }
        return profile
    }

    /// What decisions will need to know of the event.
    @inline(__always)
    private func facts(_ row: UnsafePointer<EventRow>, _ batch: borrowing BatchView) -> EventFacts {
        let device = row.pointee.dimensions.0
        var isMobile = false
        if device != absent { isMobile = string(device, batch) == mobileDevice }
        return EventFacts(
            coupon: (row.pointee.flags & EventFlags.couponMask) >> EventFlags.couponShift,
            hasDevice: device != absent, isMobile: isMobile)
    }

    private func isRepeat(
        _ row: UnsafePointer<EventRow>, _ slot: Int, _ batch: borrowing BatchView
    ) -> Bool {
        let id = batch.bytes(row.pointee.idOffset, row.pointee.idLength)
        let fingerprint =
            HashKey(k0: storeKey.hash(id), k1: UInt64(slot) &* 0x9E37_79B9_7F4A_7C15).hash(id) | 1
        return dedupe.isRepeat(fingerprint, time: row.pointee.time, window: terms.dedupeWindow)
    }

    @inline(__always)
    private func countName(_ user: UnsafeMutablePointer<UserRecord>, _ code: UInt16) {
        let count = Int(user.pointee.nameCount)
        if count > 0 {
            let names = pool.tail(user).names
            for index in 0..<count
            where names[index].code == code && names[index].count < NameEntry.countMax {
                names[index] = NameEntry(code: code, count: names[index].count + 1)
                return
            }
        }
        // A thousand names, each four million times and more.
        if count >= Int(UserRecord.namesMax) { return }
        let gap = pool.openGap(user, at: Tail.firedOffset(user), size: Tail.nameSize)
        gap.storeBytes(of: NameEntry(code: code, count: 1), as: NameEntry.self)
        user.pointee.nameCount += 1
    }

    @inline(__always)
    private func countDimensions(
        _ user: UnsafeMutablePointer<UserRecord>, _ slot: Int, _ row: UnsafePointer<EventRow>,
        _ time: Int64, _ batch: borrowing BatchView
    ) {
        let values = row.pointee.dimensions
        var moved = MovedMains()
        if values.0 != absent { countValue(user, 0, string(values.0, batch), time, &moved) }
        if values.1 != absent { countValue(user, 1, string(values.1, batch), time, &moved) }
        if values.2 != absent { countValue(user, 2, string(values.2, batch), time, &moved) }
        if values.3 != absent { countValue(user, 3, string(values.3, batch), time, &moved) }
        if values.4 != absent { countValue(user, 4, string(values.4, batch), time, &moved) }
        if values.5 != absent { countValue(user, 5, string(values.5, batch), time, &moved) }
        if values.6 != absent { countValue(user, 6, string(values.6, batch), time, &moved) }
        if values.7 != absent { countValue(user, 7, string(values.7, batch), time, &moved) }
        if !moved.isEmpty { mainsMoved(slot, moved, at: time) }
    }

    /// An event's value of a dimension.
    @inline(__always)
    private func countValue(
        _ user: UnsafeMutablePointer<UserRecord>, _ dimension: Int, _ value: UInt32, _ time: Int64,
        _ moved: inout MovedMains
    ) {
        if value >= PairRows.none { return }
        analytics.values.count(dimension, value)
        if dimension < 5 {
            addValue(user, dimension, value, time, &moved)
        } else {
            setProfile(user, dimension, value, time, &moved)
        }
    }

    /// One more of a value; values stand in the order of the first event that had them. The main value is the first
    /// of those with the greatest count.
    private func addValue(
        _ user: UnsafeMutablePointer<UserRecord>, _ dimension: Int, _ value: UInt32, _ time: Int64,
        _ moved: inout MovedMains
    ) {
        let wanted = DimensionEntry.key(dimension: dimension, value: value)
        let relative = time - user.pointee.firstSeen
        let count = Int(user.pointee.dimensionCount)
        var (distinct, place, main) = (0, -1, -1)
        var most: UInt32 = 0
        if count > 0 {
            let entries = pool.tail(user).dimensions
            for index in 0..<count where entries[index].dimension == dimension {
                distinct += 1
                let times = entries[index].count
                if times > most { (most, main) = (times, index) }
                if place < 0, entries[index].key == wanted { place = index }
            }
            if most == DimensionEntry.countMax || place >= 0 && relative < entries[place].time {
                return addFull(user, dimension, value, relative, &moved)
            }
            if place >= 0 {
                entries[place].increment()
                if place == main { return }
                let times = entries[place].count
                if times > most || times == most && place < main {
                    moved.note(dimension, was: entries[main].value)
                }
                return
            }
            if distinct >= settings.valuesPerDimension || count >= 4096 { return }
            if main < 0 {
                moved.note(dimension, was: nil)
            } else if most == 1, relative < entries[main].time {
                moved.note(dimension, was: entries[main].value)
            }
        } else {
            moved.note(dimension, was: nil)
        }
        insertValue(user, DimensionEntry(dimension: dimension, value: value, count: 1, time: relative))
    }

    /// The same where a count is full and goes on in a further entry, or where a value was seen earlier than thought.
    @inline(never)
    private func addFull(
        _ user: UnsafeMutablePointer<UserRecord>, _ dimension: Int, _ value: UInt32, _ relative: Int64,
        _ moved: inout MovedMains
    ) {
        let before = main(user, dimension)
        addAgain(user, dimension, value, relative)
        // One more of the main value leaves it the main one.
        if before == value { return }
        if main(user, dimension) != before { moved.note(dimension, was: before) }
    }

    private func addAgain(
        _ user: UnsafeMutablePointer<UserRecord>, _ dimension: Int, _ value: UInt32, _ relative: Int64
    ) {
        let wanted = DimensionEntry.key(dimension: dimension, value: value)
        let count = Int(user.pointee.dimensionCount)
        let entries = pool.tail(user).dimensions
        var distinct = 0
        for index in 0..<count {
            if entries[index].key == wanted {
                var place = index
                if relative < entries[index].time { place = moveForward(entries, index, to: relative) }
                if entries[place].count < DimensionEntry.countMax {
                    entries[place].increment()
                    return
                }
                if let open = openEntry(entries, count, wanted) {
                    entries[open].increment()
                    return
                }
                break
            }
            if entries[index].dimension == dimension { distinct += 1 }
        }
        if distinct >= settings.valuesPerDimension || count >= 4096 { return }
        insertValue(user, DimensionEntry(dimension: dimension, value: value, count: 1, time: relative))
    }

    /// An entry of the key with room in its count.
    @inline(__always)
    private func openEntry(
        _ entries: UnsafeMutablePointer<DimensionEntry>, _ count: Int, _ key: UInt32
    ) -> Int? {
        for index in 0..<count
        where entries[index].key == key && entries[index].count < DimensionEntry.countMax {
            return index
        }
        return nil
    }

    private func insertValue(_ user: UnsafeMutablePointer<UserRecord>, _ entry: DimensionEntry) {
        let count = Int(user.pointee.dimensionCount)
        var place = count
        if count > 0 {
            let entries = pool.tail(user).dimensions
            var index = count - 1
            while index >= 0 {
                if entries[index].dimension == entry.dimension {
                    if entries[index].time > entry.time { place = index } else { break }
                }
                index -= 1
            }
        }
        let offset = Tail.dimensionOffset(user) + place * Tail.dimensionSize
        let gap = pool.openGap(user, at: offset, size: Tail.dimensionSize)
        gap.storeBytes(of: entry, as: DimensionEntry.self)
        user.pointee.dimensionCount += 1
    }

    /// A value was seen earlier than thought: its entry moves before those seen later.
    ///
    /// - Returns: where it stands now.
    private func moveForward(
        _ entries: UnsafeMutablePointer<DimensionEntry>, _ index: Int, to time: Int64
    ) -> Int {
        var entry = entries[index]
        entry.time = time
        var place = index
        var scan = index - 1
        while scan >= 0 {
            if entries[scan].dimension == entry.dimension {
                if entries[scan].time > entry.time { place = scan } else { break }
            }
            scan -= 1
        }
        scan = index
        while scan > place {
            entries[scan] = entries[scan - 1]
            scan -= 1
        }
        entries[place] = entry
        return place
    }

    /// The latest value holds.
    private func setProfile(
        _ user: UnsafeMutablePointer<UserRecord>, _ dimension: Int, _ value: UInt32, _ time: Int64,
        _ moved: inout MovedMains
    ) {
        let relative = time - user.pointee.firstSeen
        let count = Int(user.pointee.dimensionCount)
        if count > 0 {
            let entries = pool.tail(user).dimensions
            for index in 0..<count where entries[index].dimension == dimension {
                if relative >= entries[index].time {
                    let before = entries[index].value
                    if before != value { moved.note(dimension, was: before) }
                    entries[index] = DimensionEntry(
                        dimension: dimension, value: value, count: 1, time: relative)
                }
                return
            }
        }
        moved.note(dimension, was: nil)
        let gap = pool.openGap(user, at: Tail.nameOffset(user), size: Tail.dimensionSize)
        gap.storeBytes(
            of: DimensionEntry(dimension: dimension, value: value, count: 1, time: relative),
            as: DimensionEntry.self)
        user.pointee.dimensionCount += 1
    }

    /// The user's first event turns out to be earlier: times counted from it grow.
    func shiftDimensionTimes(_ user: UnsafeMutablePointer<UserRecord>, by delta: Int64) {
        guard user.pointee.dimensionCount > 0 else { return }
        let entries = pool.tail(user).dimensions
        for index in 0..<Int(user.pointee.dimensionCount) { entries[index].time += delta }
    }
}
